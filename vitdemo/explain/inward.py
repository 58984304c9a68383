"""The other direction: not what a token looks at, but who looks at it. Columns in place of rows.

    raw attention: A_l s      attention rollout: R_L s      per-head rollout: A_l[head] R_(l-1) s

`s` holds the weights with which the query reads the tokens, as in `heatmap.query_row`; the map tells how much
each patch that is still there at the top takes from it. `vitdemo/ui/tabs/attention/maths.js` does the same.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor

from vitdemo.explain.attention import fuse
from vitdemo.explain.heatmap import Heatmap, query_row, to_grid
from vitdemo.explain.methods import checked, find
from vitdemo.explain.rollout import discard
from vitdemo.trace import Trace

INWARD = ("raw-attention", "attention-rollout", "head-rollout")


def explain_inward(trace: Trace, method_key: str, **options: Any) -> Heatmap:
    """Who looks at the query, by one of the methods `INWARD`; options as those of `explain`.

    0 or more; NaN for the patches that are gone at the layer asked for, of attention rollout the last one. A
    patch that was dropped later still gave its share to others, so only raw attention needs it to be there.
    Raises as `explain`, and ValueError for a method that has no other direction.
    """
    if method_key not in INWARD:
        raise ValueError(f"{method_key} has no other direction; these have one: {', '.join(INWARD)}")
    values = checked(trace, find(method_key).options, options)
    whole, raw = method_key == "attention-rollout", method_key == "raw-attention"
    layer = len(trace.attn) - 1 if whole else values["layer"]
    column = query_row(trace, values["query"], layer=layer if raw else 0)
    if not raw:
        below = range(values.get("start_layer", 0), layer + 1 if whole else layer)
        column = pull_up(
            trace, column, layers=below, fusion=values["fusion"], discard_ratio=values["discard_ratio"]
        )
    if not whole:
        attn, head = trace.attn[layer], values["head"]
        column = taken(trace, column, fuse(attn, values["fusion"]) if head is None else attn[head], layer)
    return to_grid(trace, column, layer=layer)


def pull_up(
    trace: Trace, column: Float[Tensor, "n0"], *, layers: range, fusion: str, discard_ratio: float
) -> Float[Tensor, "n0"]:
    """`R @ column` where R is the rollout of `layers`; see `rollout.push_down`."""
    for layer in layers:
        fused = discard(
            fuse(trace.attn[layer], fusion), discard_ratio, num_prefix_tokens=trace.num_prefix_tokens
        )
        column = column + taken(trace, column, fused, layer)
        column[trace.token_ids[layer]] /= 1 + fused.sum(-1)
    return column


def taken(
    trace: Trace, column: Float[Tensor, "n0"], matrix: Float[Tensor, "n n"], layer: int
) -> Float[Tensor, "n0"]:
    """`matrix @ column` for the tokens present at `layer`, 0 for the others."""
    result, ids = column.new_zeros(len(column)), trace.token_ids[layer]
    result[ids] = matrix @ column[ids]
    return result
