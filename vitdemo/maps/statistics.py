"""Numbers that sum a pass up: how far each head looks, how widely, and which tokens stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.maps.heatmap import Heatmap, hand_out, lay_out
from vitdemo.trace import Trace

MAD_FACTOR = 6.0  # about four standard deviations of normally distributed norms


@dataclass(frozen=True, eq=False)
class TokenNorms:
    """The L2 norms of the tokens after a layer.

    `heat`: of the patches, NaN where one was pruned. `prefix`: of the prefix tokens. `limit`: the norm above
    which a patch token counts as an artefact; `artefacts`: the ids of those patches, ascending.
    """

    heat: Heatmap
    prefix: tuple[float, ...]
    limit: float
    artefacts: tuple[int, ...]


def attention_distance(trace: Trace, *, patch_size: tuple[int, int]) -> Float[np.ndarray, "l h"]:
    """Return how far each head of each layer looks, in pixels of the model's input.

    The distance between patch centres, averaged over each query patch's attention, then over the query
    patches present (Dosovitskiy et al. 2021, Fig. 7 right).

    `patch_size` is (height, width) in pixels. Departure from the paper: what a patch pays to prefix tokens,
    which lie nowhere, is left out and the rest scaled to sum to 1. NaN for a head that no patch looks with.
    """
    rows, columns = np.divmod(np.arange(trace.num_patches), trace.grid[1])
    places = np.stack([rows * patch_size[0], columns * patch_size[1]], axis=-1).astype(np.float64)
    centres, prefix, distances = torch.from_numpy(places), trace.num_prefix_tokens, []
    for layer, attn in enumerate(trace.attn):
        between, sizes = measure_between(trace, centres, layer), trace.sizes(layer)[prefix:]
        weights = attn[:, prefix:, prefix:].double()
        paid = weights.sum(dim=-1)
        travelled = (weights * between).sum(dim=-1)
        distances.append(mean_where(travelled / paid, (paid > 0) * sizes))
    return np.stack(distances)


def measure_between(trace: Trace, centres: Float[Tensor, "p 2"], layer: int) -> Float[Tensor, "m m"]:
    """Return how far apart the tokens of `layer` are; of merged ones the mean over pairs of their parts."""
    here = centres[trace.held_patches(layer)]
    between = torch.cdist(here, here, compute_mode="donot_use_mm_for_euclid_dist")
    if not trace.mixes:
        return between
    prefix = trace.num_prefix_tokens
    parts = trace.sources(layer)[prefix:, prefix:][:, trace.held_patches(layer)].to(between)
    return parts @ between @ parts.T


def attention_entropy(trace: Trace) -> Float[np.ndarray, "l h"]:
    """Return how widely each head of each layer looks: `-sum_j A_ij ln A_ij`, the mean over the tokens i.

    In nats, from 0 (each query looks at one token) to ln n_l (at all n_l tokens present alike).
    Queries that attend to nothing do not count; NaN for a head in which none does.
    """
    entropies = []
    for attn in trace.attn:
        weights = attn.double()
        entropy = torch.special.entr(weights).sum(dim=-1)
        entropies.append(mean_where(entropy, weights.sum(dim=-1) > 0))
    return np.stack(entropies)


def token_norms(trace: Trace, *, layer: int = -1, factor: float = MAD_FACTOR) -> TokenNorms:
    """Return the norms after `layer`, and which patch tokens are artefacts (Darcet et al. 2024, "registers").

    Those are outliers that hold something about the whole picture instead of their own place. A patch is one
    if its norm exceeds median + `factor` x MAD, the median absolute deviation, over the patches present.
    Departure from the paper, which reads a fixed limit off each model's histogram.
    Raise ValueError where the trace has no norms.
    """
    if not trace.token_norms:
        raise ValueError("this trace holds no token norms")
    prefix, ids = trace.num_prefix_tokens, trace.patch_ids(layer)
    norms = trace.token_norms[layer].double().numpy()
    patches = norms[prefix:]
    median = float(np.median(patches))
    limit = median + factor * float(np.median(np.abs(patches - median)))
    found: Sequence[int] = ids[torch.from_numpy(patches > limit)].tolist()
    row = hand_out(trace, trace.token_norms[layer].double(), layer=layer)
    return TokenNorms(lay_out(trace, row, layer=layer), tuple(norms[:prefix].tolist()), limit, tuple(found))


def mean_where(values: Float[Tensor, "h n"], counts: Tensor) -> Float[np.ndarray, "h"]:
    """Return the mean along the last axis of those `values` that count, as often; NaN where none does."""
    total = torch.where(counts > 0, values * counts, 0.0).sum(dim=-1)
    return (total / counts.sum(dim=-1)).numpy()
