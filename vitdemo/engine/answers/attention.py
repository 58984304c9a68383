"""Where the network looked, as pictures and as numbers; no network runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from vitdemo import render
from vitdemo.engine.answers.numbers import PatchMap, patch_map
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.records import AttentionView, Captioned, MethodInfo
from vitdemo.explain import ATTENTION_METHODS, Method, Option, explain, explain_heads
from vitdemo.explain.attention import fuse
from vitdemo.explain.heatmap import query_row, step
from vitdemo.trace import Trace

SHOWN_OPTIONS = ("layer", "head", "query", "fusion", "discard_ratio")
GALLERY_METHOD = "head-rollout"  # for methods that have no maps of single heads


def attention_methods() -> list[MethodInfo]:
    """The explanations that show attention, whatever was pruned."""
    return [
        MethodInfo(
            key=method.key,
            title=method.title,
            summary=method.summary,
            options=known_keys(method.options),
        )
        for method in ATTENTION_METHODS.values()
    ]


def attention_figure(entry: Entry, view: AttentionView) -> Image.Image:
    """The map of `view.method` over the crop, from 0 to its maximum, colour bar below, query patch framed.

    Raise ValueError naming an unknown method or an option out of range, and PatchDropped.
    """
    trace, method = trace_of(entry, view), find(view.method)
    heat = explain(trace, method.key, **options_for(trace, view, method.options))
    scale = render.shared_scale([heat], label=method.unit, low=0.0)
    figure = render.heat_figure(
        entry.analysis.view, heat, scale=scale, opacity=view.opacity, smooth=view.smooth
    )
    return framed(figure, entry, view.query)


def attention_map(entry: Entry, view: AttentionView) -> PatchMap:
    """The numbers of `attention_figure`. Raises as that does."""
    trace, method = trace_of(entry, view), find(view.method)
    options = options_for(trace, view, method.options)
    heat = explain(trace, method.key, **options)
    whole = total(trace, options)
    # The rest goes to the prefix tokens, up to rounding: no step of a rollout changes the sum of a row.
    share = max(0.0, 1 - float(np.nansum(heat)) / whole) if whole > 0 else None
    return patch_map(method, heat, options=options, prefix_share=share)


def total(trace: Trace, options: dict[str, Any]) -> float:
    """What a map and its prefix tokens' part add up to: 1, or the sum of the row of the layer that is looked
    at, which is 0 for a linear head without attention, and anything for a maximum or minimum of heads."""
    if "layer" not in options:
        return 1.0
    layer, head = options["layer"], options["head"]
    matrix = fuse(trace.attn[layer], options["fusion"]) if head is None else trace.attn[layer][head]
    return float(step(trace, query_row(trace, options["query"], layer=layer), matrix, layer=layer).sum())


def head_gallery(entry: Entry, view: AttentionView) -> Captioned:
    """The maps of all heads of `view.layer` under one scale; per-head rollouts where `view.method` has no
    single heads. Raises as `attention_figure`."""
    trace, method = trace_of(entry, view), find(view.method)
    if method.all_heads is None:
        method = ATTENTION_METHODS[GALLERY_METHOD]
    heats = list(explain_heads(trace, method.key, **options_for(trace, view, method.all_heads_options)))
    tiles = render.head_gallery(
        entry.analysis.view,
        heats,
        scale=render.shared_scale(heats, label=method.unit, low=0.0),
        opacity=view.opacity,
        smooth=view.smooth,
    )
    return [(framed(tile, entry, view.query), f"Head {head}") for head, tile in enumerate(tiles)]


def trace_of(entry: Entry, view: AttentionView) -> Trace:
    """The pass that `view` asks for; the dense one where nothing was pruned."""
    if view.pass_ not in ("pruned", "dense"):
        raise ValueError(f"pass_ must be pruned or dense, got {view.pass_!r}")
    return entry.dense if view.pass_ == "dense" or entry.pruned is None else entry.pruned


def find(key: str) -> Method:
    """The method called `key`. Raise ValueError naming those that show attention."""
    if key not in ATTENTION_METHODS:
        raise ValueError(f"method must be one of {', '.join(ATTENTION_METHODS)}, got {key!r}")
    return ATTENTION_METHODS[key]


def options_for(trace: Trace, view: AttentionView, options: tuple[Option, ...]) -> dict[str, Any]:
    """The fields of `view` that a method takes, with the layer counted from 0."""
    values = {key: getattr(view, key) for key in known_keys(options)}
    if values.get("layer", 0) < 0:
        values["layer"] += len(trace.attn)
    return values


def known_keys(options: tuple[Option, ...]) -> tuple[str, ...]:
    return tuple(option.key for option in options if option.key in SHOWN_OPTIONS)


def framed(figure: Image.Image, entry: Entry, query: int | None) -> Image.Image:
    """`figure` with patch `query` of the overlay at its top framed; unchanged for None."""
    if query is None:
        return figure
    overlay = figure.crop((0, 0, *render.display_view(entry.analysis.view).size))
    figure.paste(render.mark_patch(overlay, query, entry.config.grid), (0, 0))
    return figure
