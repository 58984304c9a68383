"""The other direction: not what a token looks at, but who looks at it. Columns in place of rows.

    raw attention: A_l s      attention rollout: R_L s      per-head rollout: A_l[head] R_(l-1) s

`s` holds the weights with which the query reads the tokens, as in `heatmap.query_row`; the map tells how much
each patch that is still there at the top takes from it.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from vitdemo.maps.attention import fuse, select_head
from vitdemo.maps.heatmap import Heatmap, hand_out, lay_out, query_row
from vitdemo.maps.rollout import discard
from vitdemo.trace import Trace


def raw_attention_inward(
    trace: Trace, *, layer: int, head: int | None, query: int | None, fusion: str
) -> Heatmap:
    """Return the column of `query` in `A_l[head]`, 0 or more; NaN where a patch is gone at `layer`.

    Raise PatchDropped when the query patch is gone at `layer`.
    """
    column = query_row(trace, query, layer=layer)
    matrix = select_head(trace.attn[layer], head, fusion=fusion)
    return show_askers(trace, pull_through(trace, column, matrix, layer), layer=layer)


def attention_rollout_inward(
    trace: Trace, *, fusion: str, discard_ratio: float, start_layer: int, query: int | None
) -> Heatmap:
    """Return the column of `query` in `R_L`, 0 or more; NaN where a patch is gone at the last layer."""
    last = len(trace.attn) - 1
    column = query_row(trace, query, layer=-1)
    for layer in range(start_layer):
        column = ascend(trace, column, layer=layer)
    layers = range(start_layer, last + 1)
    column = pull_up(trace, column, layers=layers, fusion=fusion, discard_ratio=discard_ratio)
    return show_askers(trace, column, layer=last)


def head_rollout_inward(
    trace: Trace, *, layer: int, head: int | None, query: int | None, fusion: str, discard_ratio: float
) -> Heatmap:
    """Return the column of `query` in `A_l[head] R_(l-1)`, 0 or more; NaN for patches gone at `layer`."""
    column = query_row(trace, query, layer=-1)
    column = pull_up(trace, column, layers=range(layer), fusion=fusion, discard_ratio=discard_ratio)
    column, matrix = ascend(trace, column, layer=layer), select_head(trace.attn[layer], head, fusion=fusion)
    return show_askers(trace, pull_through(trace, column, matrix, layer), layer=layer)


def show_askers(trace: Trace, column: Float[Tensor, "n0"], *, layer: int) -> Heatmap:
    """Return what each token of `layer` takes, on the grid; of a merged one for each patch that it holds."""
    return lay_out(trace, hand_out(trace, column[trace.token_ids[layer]], layer=layer), layer=layer)


def pull_up(
    trace: Trace, column: Float[Tensor, "n0"], *, layers: range, fusion: str, discard_ratio: float
) -> Float[Tensor, "n0"]:
    """Return `R @ column`, where R is the rollout of `layers`; see `rollout.push_down`."""
    for layer in layers:
        column = ascend(trace, column, layer=layer)
        fused = discard(
            fuse(trace.attn[layer], fusion), discard_ratio, num_prefix_tokens=trace.num_prefix_tokens
        )
        column = column + pull_through(trace, column, fused, layer)
        column[trace.token_ids[layer]] /= 1 + fused.sum(-1)
    return column


def ascend(trace: Trace, column: Float[Tensor, "n0"], *, layer: int) -> Float[Tensor, "n0"]:
    """Return `S @ column`: over the tokens that enter `layer`, of one over those that left the one below."""
    mix = trace.mixes[layer] if trace.mixes else None
    if mix is None:
        return column
    result = column.new_zeros(len(column))
    result[trace.token_ids[layer]] = mix @ column
    return result


def pull_through(
    trace: Trace, column: Float[Tensor, "n0"], matrix: Float[Tensor, "n n"], layer: int
) -> Float[Tensor, "n0"]:
    """Return `matrix @ column` for the tokens present at `layer`, 0 for the others."""
    result, ids = column.new_zeros(len(column)), trace.token_ids[layer]
    result[ids] = matrix @ column[ids]
    return result
