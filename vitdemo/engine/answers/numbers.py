"""Maps as numbers, for those who want to compute with them; no network runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from vitdemo.engine.answers import pictures
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.records import AttentionView
from vitdemo.explain import Heatmap, Method, explain
from vitdemo.explain.attention import fuse
from vitdemo.explain.heatmap import query_row, step
from vitdemo.trace import Trace


@dataclass(frozen=True)
class PatchMap:
    """One explanation over the original patches.

    `method`, `title`, `unit`: as in METHODS. `options`: those that the method has, as they were used; the
    layer counts from 0, a head of None is the fused heads, a query of None what the head reads. `values`: a
    row for each row of patches, in `unit`, 0 or more; None = the patch has no value, because it was already
    pruned. `prefix_share`: the part, 0 to 1, of all that the query looks at which goes to class, distillation
    and register tokens; None where it looks at nothing, and for maps of a class. `label`: the class, or "".
    """

    method: str
    title: str
    unit: str
    options: dict[str, Any]
    values: tuple[tuple[float | None, ...], ...]
    prefix_share: float | None = None
    label: str = ""

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest number of `values`."""
        present = [value for row in self.values for value in row if value is not None]
        return min(present), max(present)


def attention_map(entry: Entry, view: AttentionView) -> PatchMap:
    """The map that `pictures.attention_figure` draws. Raises as that does."""
    trace, method = pictures.trace_of(entry, view), pictures.find(view.method)
    options = pictures.options_for(trace, view, method.options)
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


def patch_map(method: Method, heat: Heatmap, **rest: Any) -> PatchMap:
    """`heat` as plain numbers; `rest`: the other fields."""
    values = tuple(tuple(None if value != value else value for value in row) for row in heat.tolist())
    return PatchMap(method.key, method.title, method.unit, **{"options": {}, **rest}, values=values)
