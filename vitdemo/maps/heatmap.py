"""From the token sequence to the patch grid: query rows in, heatmaps out.

A *row* holds one weight for each token of the ORIGINAL sequence (n0 = prefix tokens + patches), whatever
was pruned; a row at layer l is zero on the tokens that are gone at l. So layers of any length compose. A
merged token has its weight at its own position, until `descend` hands it to those that it is made of.
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
    """Return the weights with which `query` reads the tokens that leave `layer` (-1: the input's); sum 1.

    `query`: a patch index, or None for the head's readout: the class token, the average of class and
    distillation token, or under mean pooling the patches that are kept to the end. A patch that was merged
    asks as the token that it is part of.
    Raise PatchDropped when the patch is gone at `layer`.
    """
    row = torch.zeros(trace.num_prefix_tokens + trace.num_patches)
    if query is None:
        row[trace.token_ids[-1]] = trace.readout.float()
        for below in reversed(range(layer, len(trace.attn) - 1)):
            row = descend(trace, row, layer=below)
        return row
    position = find_token(trace, query, layer=max(layer, 0))
    row[position if layer >= 0 else query + trace.num_prefix_tokens] = 1.0
    return row


def find_token(trace: Trace, patch: int, *, layer: int) -> int:
    """Return the position of the token of `layer` that holds `patch`. Raise PatchDropped when it is gone."""
    position = patch + trace.num_prefix_tokens
    for index, ids in enumerate(trace.token_ids[: layer + 1]):
        mix = trace.mixes[index] if trace.mixes else None
        if mix is not None and bool(mix[:, position].any()):
            position = int(ids[mix[:, position].argmax()])
        elif position not in ids or mix is not None:
            raise PatchDropped(patch, index)
    return position


def descend(trace: Trace, row: Float[Tensor, "*r n0"], *, layer: int) -> Float[Tensor, "*r n0"]:
    """Return `row`, over the tokens that enter the layer above, as one over those that leave `layer`.

    `row @ S`, where S says how the former are made of the latter; -1 is the input. The sum stays.
    """
    mix = trace.mixes[layer + 1] if layer + 1 < len(trace.mixes) else None
    return row if mix is None else row[..., trace.token_ids[layer + 1]] @ mix


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
    """Return the patches' part of `row` on the grid, NaN for the patches that are absent at `layer`.

    What a merged token has is shared by the patches that it is made of, as they had their part in it.
    """
    for below in reversed(range(-1, layer)):
        row = descend(trace, row, layer=below)
    return lay_out(trace, row, layer=layer)


def hand_out(trace: Trace, values: Float[Tensor, "n"], *, layer: int) -> Float[Tensor, "n0"]:
    """Return the number of each token of `layer` for all that it is made of; 0 for what is gone."""
    if not trace.mixes:
        row = values.new_zeros(trace.num_prefix_tokens + trace.num_patches)
        row[trace.token_ids[layer]] = values
        return row
    holders = trace.holders(layer)
    return torch.where(holders < 0, 0.0, values[holders])


def lay_out(trace: Trace, row: Float[Tensor, "*r n0"], *, layer: int) -> Float[np.ndarray, "*r gh gw"]:
    """Return the patches' part of `row`, over original tokens, NaN for what is absent at `layer`."""
    present = trace.held_patches(layer)
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
