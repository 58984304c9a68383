"""The features of a result packed as text, as `payload` packs its attention."""

from __future__ import annotations

import json

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from vitdemo.engine.answers.payload import ID, describe_result, find_layer, list_traces, pack
from vitdemo.engine.core.cache import Entry
from vitdemo.maps.features import principal_components
from vitdemo.maps.statistics import token_norms
from vitdemo.trace import Trace


def pack_features(entry: Entry, *, beside: Entry | None = None) -> str:
    """Return JSON of all that features are drawn from, but for the features themselves.

    Those come by `pack_layer`. `passes`: "pruned" (where something was pruned) and "dense", each with
    `counts` (patches after each layer) and, all layers in a row, `ids` (uint16, the patches), `components`
    (float32, three a patch) and `norms` (float32); `limits`: a layer each, the norm above which a patch is an
    artefact. A patch that was merged has those of the token that it is part of. The rest is that of
    `payload.describe_result`. `beside`: the same of another result that it is compared with.
    """
    found = describe_features(entry)
    return json.dumps(found | {"beside": describe_features(beside)} if beside else found)


def describe_features(entry: Entry) -> dict[str, object]:
    """Return what `pack_features` says of one result."""
    passes = {name: describe_pass(trace) for name, trace in list_traces(entry).items()}
    return describe_result(entry) | {"passes": passes}


def pack_layer(entry: Entry, *, pass_: str, layer: int) -> str:
    """Return JSON of the features after one layer: `id`, `pass`, `layer` and `directions`.

    `directions`: (n, d) in float16, a patch present each, divided by its norm.
    Raise ValueError naming an unknown pass or layer.
    """
    trace = find_layer(entry, pass_=pass_, layer=layer)
    directions = trace.directions[layer][trace.num_prefix_tokens :][find_rows(trace, layer)].numpy()
    sent = {"directions": pack(directions.astype("<f2"))}
    return json.dumps({"id": entry.analysis.key[:ID], "pass": pass_, "layer": layer, **sent})


def describe_pass(trace: Trace) -> dict[str, object]:
    """Return one pass."""
    layers, prefix = range(len(trace.attn)), trace.num_prefix_tokens
    ids = [trace.held_patches(layer).numpy() for layer in layers]
    rows = [find_rows(trace, layer) for layer in layers]
    components = [one[own].numpy() for one, own in zip(principal_components(trace), rows, strict=True)]
    norms = [one[prefix:][own].numpy() for one, own in zip(trace.token_norms, rows, strict=True)]
    return {
        "counts": [len(layer) for layer in ids],
        "ids": pack(np.concatenate(ids).astype("<u2")),
        "components": pack(np.concatenate(components).astype("<f4")),
        "norms": pack(np.concatenate(norms).astype("<f4")),
        "limits": [token_norms(trace, layer=layer).limit for layer in layers],
    }


def find_rows(trace: Trace, layer: int) -> Int[Tensor, "n"]:
    """Return which of the patch tokens of `layer` holds each patch of `Trace.held_patches`."""
    patches = trace.held_patches(layer)
    if not trace.mixes:
        return torch.arange(len(patches))
    return trace.holders(layer)[patches + trace.num_prefix_tokens] - trace.num_prefix_tokens
