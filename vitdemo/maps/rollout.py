"""Attention rollout (Abnar & Zuidema 2020), fused and per head, exact through pruning.

    R = I;  for each layer l:  R <- S_l R;  R <- rownorm(fuse_h(A_l) + I) R

S_l tells how the tokens that enter layer l are made of those before: of a dropped token there is no row, of
a merged one a mean. Columns of R are always original positions, so a patch that is pruned later keeps the
credit that it gave before.
A map needs only a row of R; it is pushed down from the last layer, a vector-matrix product a layer.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vitdemo.maps.attention import fuse, select_head
from vitdemo.maps.heatmap import Heatmap, descend, query_row, step, to_grid
from vitdemo.trace import Trace


def attention_rollout(
    trace: Trace,
    *,
    fusion: str = "mean",
    discard_ratio: float = 0.0,
    start_layer: int = 0,
    query: int | None = None,
) -> Heatmap:
    """Return the row of `query` (None: the head's readout) in `R_L`, with `R = I` before `start_layer`.

    In [0, 1]; with the prefix tokens' part the row sums to 1. NaN only where a patch is already gone at
    `start_layer`. Raise PatchDropped when the query patch does not reach the last layer.
    """
    row = query_row(trace, query, layer=len(trace.attn) - 1)
    layers = range(start_layer, len(trace.attn))
    row = push_down(trace, row, layers=layers, fusion=fusion, discard_ratio=discard_ratio)
    return to_grid(trace, row, layer=start_layer)


def head_rollout(
    trace: Trace,
    *,
    layer: int,
    head: int | None = None,
    query: int | None = None,
    fusion: str = "mean",
    discard_ratio: float = 0.0,
) -> Heatmap:
    """Return the row of `query` in `A_l[head] R_(l-1)`: what one head gathers, traced back to the input.

    `A_l[head]` stands alone, without the identity; `fusion` and `discard_ratio` shape the layers below.
    `head` None fuses the heads of `layer` too. In [0, 1]; all zero where a linear head attends to nothing;
    NaN only where a patch never entered. Raise PatchDropped when the query patch is gone at `layer`.
    """
    matrix = select_head(trace.attn[layer], head, fusion=fusion)
    row = step(trace, query_row(trace, query, layer=layer), matrix, layer=layer)
    row = push_down(trace, row, layers=range(layer), fusion=fusion, discard_ratio=discard_ratio)
    return to_grid(trace, row, layer=0)


def head_rollout_heads(
    trace: Trace, *, layer: int, query: int | None = None, fusion: str = "mean", discard_ratio: float = 0.0
) -> Float[np.ndarray, "h gh gw"]:
    """Return `head_rollout` of every head of `layer`; the layers below are walked once for all of them."""
    rows = step(trace, query_row(trace, query, layer=layer), trace.attn[layer], layer=layer)
    rows = push_down(trace, rows, layers=range(layer), fusion=fusion, discard_ratio=discard_ratio)
    return to_grid(trace, rows, layer=0)


def push_down(
    trace: Trace, rows: Float[Tensor, "*r n0"], *, layers: range, fusion: str, discard_ratio: float
) -> Float[Tensor, "*r n0"]:
    """Return `rows`, over the tokens that enter the layer above, times the rollout of `layers`.

    Sums of rows are preserved.
    """
    for layer in reversed(layers):
        fused = fuse(trace.attn[layer], fusion)
        fused = discard(fused, discard_ratio, num_prefix_tokens=trace.num_prefix_tokens)
        rows = push_through(trace, rows, fused, layer=layer)
    return rows


def push_through(
    trace: Trace, rows: Float[Tensor, "*r n0"], fused: Float[Tensor, "n n"], *, layer: int
) -> Float[Tensor, "*r n0"]:
    """Return `rows`, over what enters the layer above, times `rownorm(fused + I)` of `layer`.

    `fused` has no negative entry.
    """
    rows = descend(trace, rows, layer=layer)
    # rownorm(A + I) = (A + I) / (1 + row sum of A): never 0 / 0, even where a row of A is all zero.
    share = rows.clone()
    share[..., trace.token_ids[layer]] /= 1 + fused.sum(-1)
    return step(trace, share, fused, layer=layer) + share


def discard(
    fused: Float[Tensor, "n n"], discard_ratio: float, *, num_prefix_tokens: int
) -> Float[Tensor, "n n"]:
    """Return `fused` with its lowest `int(n * n * discard_ratio)` entries set to 0, as in vit-explain.

    The columns of class, distillation and register tokens are counted but spared. vit-explain says so of the
    class token, but spares one entry only, class to class. Entries equal to the lowest kept one are kept.
    """
    count = int(fused.numel() * discard_ratio)
    if not count:
        return fused
    lowest_kept = fused.flatten().kthvalue(count + 1).values
    low = fused < lowest_kept
    low[:, :num_prefix_tokens] = False
    return fused.masked_fill(low, 0.0)
