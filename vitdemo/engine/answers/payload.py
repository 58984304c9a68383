"""A result packed as text, so that a page can explore it without asking again.

Numbers travel as base64 of deflated little-endian arrays: lists of numbers would be ten times as slow.
"""

from __future__ import annotations

import base64
import io
import json
import zlib

import numpy as np
import torch
from jaxtyping import Float, Shaped
from PIL import Image
from torch import Tensor

from vitdemo import render
from vitdemo.engine.answers import share
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.look import RATIOS
from vitdemo.maps.attention import fuse
from vitdemo.maps.options import FUSION
from vitdemo.message import Message
from vitdemo.png import make_data_url
from vitdemo.render.geometry import DISPLAY_EDGE
from vitdemo.trace import Trace

LIMIT = 2 * 2**20  # bytes of attention in half precision; a larger result is sent layer by layer
ID = 12  # letters of a key that tell results apart; the key itself stays on the server
LEVEL = 1  # of deflate: attention hardly gets smaller at higher levels, only slower


def pack_result(entry: Entry, *, whole: bool = False) -> str:
    """Return JSON of everything that the tab "Attention" draws from.

    The weights are in it unless they exceed `LIMIT`, or if it shall be `whole`.
    `passes`: "pruned" (where something was pruned) and "dense", each with `prune_loc`, `counts` (tokens a
    layer), `token_ids` (uint16, all layers in a row, original positions), `mixes`: `pack_mix` a layer, or
    null where nothing merged, `readout` (float32, the last layer's tokens), `attn`: (heads, n, n) float16 a
    layer, and `cuts`: `pack_cut_offs` a layer; both null where they are to be fetched by `pack_layer`.
    `grid`: patch rows and columns. `prefix`: tokens before the patches. `view`: the crop as a data URL,
    448 pixels on its long edge. `palette`: 256 RGB triples.
    """
    traces = list_traces(entry)
    whole |= sum(2 * attn.numel() for trace in traces.values() for attn in trace.attn) <= LIMIT
    own = {
        "ratio": entry.analysis.pruning_ratio,
        "selector": entry.analysis.selector,
        "prefix": entry.dense.num_prefix_tokens,
        "heads": len(entry.dense.attn[0]),
        "passes": {name: describe_pass(trace, whole=whole) for name, trace in traces.items()},
    }
    return json.dumps(describe_result(entry) | own)


def describe_result(entry: Entry) -> dict[str, object]:
    """Return what every payload says of its result."""
    analysis = entry.analysis
    return {
        "id": analysis.key[:ID],
        "model": analysis.model,
        "title": share.name(entry),
        "grid": entry.dense.grid,
        "layers": len(entry.dense.attn),
        "view": to_data_url(analysis.view),
        "palette": base64.b64encode(render.colour_map().tobytes()).decode("ascii"),
    }


def pack_layer(entry: Entry, *, pass_: str, layer: int) -> str:
    """Return JSON of one layer's attention: `id`, `pass`, `layer`, `attn` and `cuts` as in `pack_result`.

    Raise ValueError naming an unknown pass or layer.
    """
    trace = find_layer(entry, pass_=pass_, layer=layer)
    sent = {"attn": pack_halves(trace.attn[layer]), "cuts": pack_cut_offs(trace, layer)}
    return json.dumps({"id": entry.analysis.key[:ID], "pass": pass_, "layer": layer, **sent})


def find_layer(entry: Entry, *, pass_: str, layer: int) -> Trace:
    """Return the trace of a pass. Raise ValueError naming an unknown pass or layer."""
    traces = list_traces(entry)
    if pass_ not in traces:
        known = ", ".join(traces)
        raise ValueError(Message("pass must be one of {known}, got {name}", known=known, name=repr(pass_)))
    trace = traces[pass_]
    count = len(trace.attn)
    if not 0 <= layer < count:
        raise ValueError(
            Message("layer must be an integer from 0 to {last}, got {layer}", last=count - 1, layer=layer)
        )
    return trace


def list_traces(entry: Entry) -> dict[str, Trace]:
    """Return the traces by name; at pruning ratio 0 there is only the dense one."""
    pruned = {} if entry.pruned is None else {"pruned": entry.pruned}
    return {**pruned, "dense": entry.dense}


def describe_pass(trace: Trace, *, whole: bool) -> dict[str, object]:
    """Return one pass; with `whole`, its attention too."""
    ids = [layer.numpy() for layer in trace.token_ids]
    attn = [pack_halves(layer) if whole else None for layer in trace.attn]
    cuts = [pack_cut_offs(trace, layer) if whole else None for layer in range(len(ids))]
    return {
        "prune_loc": trace.prune_loc,
        "counts": [len(layer) for layer in ids],
        "token_ids": pack(np.concatenate(ids).astype("<u2")),
        "mixes": [pack_mix(trace, layer) for layer in range(len(ids))],
        "readout": pack(trace.readout.float().numpy().astype("<f4")),
        "attn": attn,
        "cuts": cuts,
    }


def pack_mix(trace: Trace, layer: int) -> dict[str, str] | None:
    """Return how the tokens of a layer are made of those before, where some were merged.

    Of each original position `holders`: the token that it is part of, by its position (uint16), and
    `weights`: its weight in that (float32), 0 for what is gone.
    """
    mix = trace.mixes[layer] if trace.mixes else None
    if mix is None:
        return None
    holders, weights = trace.token_ids[layer][(mix > 0).int().argmax(dim=0)], mix.sum(dim=0)
    return {"holders": pack(holders.numpy().astype("<u2")), "weights": pack(weights.numpy().astype("<f4"))}


def pack_halves(attn: Float[Tensor, "h n n"]) -> str:
    """Return a layer's attention in half precision, packed."""
    return pack(attn.numpy().astype("<f2"))


def pack_cut_offs(trace: Trace, layer: int) -> str:
    """Return which weights rollout discards, so that half precision changes none of them, packed.

    First the lowest weight kept, float32 (fusion, ratio), for each fusion and of `RATIOS`. Then, uint32,
    those that half precision puts on the wrong side of one: 32 * (place in (fusion, n, n)) + ratios it
    survives.
    """
    attn = trace.attn[layer]
    cuts, odd = [], []
    for index, fusion in enumerate(FUSION.choices):
        fused = fuse(attn, fusion)
        cut = fused.flatten().sort().values[[int(fused.numel() * ratio) for ratio in RATIOS]]
        seen = fuse(attn.half().double(), fusion).float()  # what the browser makes of the halves, to the bit
        survives = torch.searchsorted(cut, fused, right=True)
        wrong = survives != torch.searchsorted(cut, seen, right=True)
        wrong[:, : trace.num_prefix_tokens] = False  # never discarded
        places = wrong.flatten().nonzero().squeeze(1)
        cuts.append(cut.numpy().astype("<f4"))
        odd.append((32 * (index * fused.numel() + places) + survives[wrong]).numpy().astype("<u4"))
    return pack(np.concatenate([np.concatenate(cuts).view("<u4"), *odd]))


def pack(values: Shaped[np.ndarray, "..."]) -> str:
    """Return the bytes of `values`, deflated (zlib format), in base64."""
    return base64.b64encode(zlib.compress(values.tobytes(), LEVEL)).decode("ascii")


def to_data_url(view: Image.Image) -> str:
    """Return `view` at 448 pixels on its long edge."""
    shown = render.enlarge_view(view)
    shown.thumbnail((DISPLAY_EDGE, DISPLAY_EDGE))
    file = io.BytesIO()
    shown.save(file, "WEBP", quality=92)
    return make_data_url(file.getvalue(), kind="image/webp")
