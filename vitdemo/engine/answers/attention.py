"""Where the network looked, as pictures and as numbers; no network runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Bool

from vitdemo import render
from vitdemo.engine.answers.numbers import PatchMap, patch_map
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.records import Captioned
from vitdemo.engine.look import Look
from vitdemo.maps import (
    ATTENTION_METHODS,
    Heatmap,
    Method,
    Option,
    explain,
    explain_heads,
    explain_inward,
)
from vitdemo.maps.attention import fuse
from vitdemo.maps.heatmap import query_row, step
from vitdemo.message import Message
from vitdemo.render import OPACITY
from vitdemo.trace import Trace

GALLERY_METHOD = "head-rollout"  # for methods that have no maps of single heads


def attention_drawing(entry: Entry, look: Look) -> render.Drawing:
    """Return the map of `look` over the crop, on its own scale, query patch framed.

    Raise ValueError naming an unknown method or an option out of range, and PatchDropped.
    """
    method, trace = choose_method(look.method), entry.choose_trace(look.pass_)
    heat = compute_heat(trace, method, look)
    gone = find_gone(trace, choose_options(trace, look, method.options).get("layer", -1))
    scale = render.own_scale(heat, label=method.unit)
    return render.Drawing(entry.analysis.view, heat, scale, gone, look.query)


def find_gone(trace: Trace, layer: int = -1) -> Bool[np.ndarray, "gh gw"]:
    """Return which patches were dropped before `layer`; those that were merged are not."""
    gone = np.ones(trace.num_patches, dtype=bool)
    gone[trace.held_patches(layer)] = False
    return gone.reshape(trace.grid)


def attention_map(entry: Entry, look: Look) -> PatchMap:
    """Return the numbers of `attention_drawing`. Raise as that does."""
    trace, method = entry.choose_trace(look.pass_), choose_method(look.method)
    heat, options = compute_heat(trace, method, look), choose_options(trace, look, method.options)
    # The rest goes to the prefix tokens, up to rounding: no step of a rollout changes the sum of a row.
    whole = sum_of(trace, options) if look.direction == "out" else 0
    share = max(0.0, 1 - float(np.nansum(heat)) / whole) if whole > 0 else None
    return patch_map(method, heat, options=options, prefix_share=share)


def compute_heat(trace: Trace, method: Method, look: Look) -> Heatmap:
    """Return the map of `method`, which may be another than the look's own, with the look's options."""
    explained = explain if look.direction == "out" else explain_inward
    return explained(trace, method.key, **choose_options(trace, look, method.options))


def sum_of(trace: Trace, options: dict[str, Any]) -> float:
    """Return what a map and its prefix tokens' part add up to.

    1, or the sum of the row of the layer that is looked at, which is 0 for a linear head without attention,
    and anything for a maximum or minimum of heads.
    """
    if "layer" not in options:
        return 1.0
    layer, head = options["layer"], options["head"]
    matrix = fuse(trace.attn[layer], options["fusion"]) if head is None else trace.attn[layer][head]
    return float(step(trace, query_row(trace, options["query"], layer=layer), matrix, layer=layer).sum())


def head_gallery(entry: Entry, look: Look, *, opacity: float = OPACITY, smooth: bool = True) -> Captioned:
    """Return the maps of all heads of the look's layer under one scale.

    Per-head rollouts where its method has no single heads. Raise as `attention_drawing`.
    """
    trace, method = entry.choose_trace(look.pass_), choose_method(look.method)
    if method.all_heads is None:
        method = ATTENTION_METHODS[GALLERY_METHOD]
    heats = compute_heats(trace, method, look)
    tiles = render.draw_gallery(
        entry.analysis.view,
        heats,
        scale=render.common_scale(heats, label=method.unit),
        gone=find_gone(trace, look.counted(len(trace.attn)).layer),
        opacity=opacity,
        smooth=smooth,
    )
    view, grid = entry.analysis.view, entry.config.grid
    framed = [render.frame_patch(tile, view, look.query, grid) for tile in tiles]
    return [(tile, Message("Head {head}", head=head)) for head, tile in enumerate(framed)]


def compute_heats(trace: Trace, method: Method, look: Look) -> list[Heatmap]:
    """Return the maps of all heads of the look's layer, one a head."""
    if look.direction == "in":
        return [compute_heat(trace, method, replace(look, head=head)) for head in range(len(trace.attn[0]))]
    return list(explain_heads(trace, method.key, **choose_options(trace, look, method.all_heads_options)))


def choose_method(key: str) -> Method:
    """Return the method called `key`. Raise ValueError naming those that show attention."""
    if key not in ATTENTION_METHODS:
        known = ", ".join(ATTENTION_METHODS)
        raise ValueError(Message("method must be one of {known}, got {name}", known=known, name=repr(key)))
    return ATTENTION_METHODS[key]


def choose_options(trace: Trace, look: Look, options: tuple[Option, ...]) -> dict[str, Any]:
    """Return what `look` says of the options of a method, with the layer counted from 0."""
    counted = look.counted(len(trace.attn))
    return {option.key: getattr(counted, option.key) for option in options if hasattr(look, option.key)}
