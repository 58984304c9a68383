"""Raw attention: what one token looks at in one layer."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vitdemo.maps.heatmap import Heatmap, query_row, step, to_grid
from vitdemo.trace import Trace


def fuse(attn: Float[Tensor, "h n n"], fusion: str) -> Float[Tensor, "n n"]:
    """Return one matrix from all heads: their "mean", "max" or "min", entry by entry."""
    if fusion == "mean":
        return attn.mean(0)
    return attn.amax(0) if fusion == "max" else attn.amin(0)


def select_head(attn: Float[Tensor, "h n n"], head: int | None, *, fusion: str) -> Float[Tensor, "n n"]:
    """Return the matrix of one head; with `head` None, of all of them fused."""
    return fuse(attn, fusion) if head is None else attn[head]


def raw_attention(
    trace: Trace, *, layer: int, head: int | None = None, query: int | None = None, fusion: str = "mean"
) -> Heatmap:
    """Return `A_l[head][query]` on the patches, in [0, 1]; NaN where a patch is gone at `layer`.

    `head` None fuses the heads. `query` None reads the rows with the head's readout. The map sums to 1 less
    what goes to the prefix tokens, or is 0 where a linear head attends to nothing.
    Raise PatchDropped when the query patch is gone at `layer`.
    """
    matrix = select_head(trace.attn[layer], head, fusion=fusion)
    return to_grid(trace, step(trace, query_row(trace, query, layer=layer), matrix, layer=layer), layer=layer)


def raw_attention_heads(
    trace: Trace, *, layer: int, query: int | None = None
) -> Float[np.ndarray, "h gh gw"]:
    """Return `raw_attention` of every head of `layer`."""
    row = query_row(trace, query, layer=layer)
    return to_grid(trace, step(trace, row, trace.attn[layer], layer=layer), layer=layer)
