"""From the token sequence to the patch grid: query rows in, heatmaps out.

A *row* holds one weight for each token of the ORIGINAL sequence (n0 = prefix tokens + patches), whatever
was pruned; a row at layer l is zero on the tokens that are gone at l. So layers of any length compose.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.trace import Trace

Heatmap: TypeAlias = Float[np.ndarray, "gh gw"]
"""One number a patch; NaN = the patch has no value here, because it was already pruned."""


class PatchDropped(ValueError):  # noqa: N818 - reads as the fact it reports
    """The query patch no longer exists at the layer asked for. `layer` is the first one without it."""

    def __init__(self, patch: int, layer: int) -> None:
        super().__init__(f"patch {patch} was dropped before layer {layer}")
        self.patch, self.layer = patch, layer


def query_row(trace: Trace, query: int | None, *, layer: int) -> Float[Tensor, " n0"]:
    """Return the weights with which `query` reads the tokens that leave `layer`; they sum to 1.

    `query`: a patch index, or None for the head's readout: the class token, the average of class and
    distillation token, or under mean pooling the patches that are kept to the end.
    Raise PatchDropped when the patch is gone at `layer`.
    """
    row = torch.zeros(trace.num_prefix_tokens + trace.num_patches)
    if query is None:
        row[trace.token_ids[-1]] = trace.readout.float()
        return row
    position = query + trace.num_prefix_tokens
    for index, ids in enumerate(trace.token_ids[: layer + 1]):
        if position not in ids:
            raise PatchDropped(query, index)
    row[position] = 1.0
    return row


def step(
    trace: Trace, row: Float[Tensor, "*r n0"], matrix: Float[Tensor, "*h n n"], *, layer: int
) -> Float[Tensor, "*rh n0"]:
    """Return `row @ matrix` for the tokens present at `layer`: one vector-matrix product a row or a head."""
    ids = trace.token_ids[layer]
    product = row[..., ids] @ matrix
    result = product.new_zeros(*product.shape[:-1], row.shape[-1])
    result[..., ids] = product
    return result


def to_grid(trace: Trace, row: Float[Tensor, "*r n0"], *, layer: int) -> Float[np.ndarray, "*r gh gw"]:
    """Return the patches' part of `row` on the grid, NaN for the patches that are absent at `layer`."""
    present = trace.patch_ids(layer)
    patches = row[..., trace.num_prefix_tokens :]
    grid = torch.full_like(patches, torch.nan)
    grid[..., present] = patches[..., present]
    return grid.unflatten(-1, trace.grid).numpy()


def share_of_total(heat: Heatmap) -> Heatmap:
    """Return each patch's share, in [0, 1], of the total of a non-negative map; an all-zero map stays zero.

    NaN stays NaN. The share of any region, say of the patches that pruning drops, is a `np.nansum` of it.
    """
    total = np.nansum(heat)
    return heat / total if total > 0 else heat.copy()
