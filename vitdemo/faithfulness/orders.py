"""From maps to orders of the patches, the most important first; and random orders to beat."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from vitdemo.maps import ATTENTION_METHODS, CLASS_METHODS, Heatmap, explain
from vitdemo.models import DynamicViT, VisionTransformer
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import Learned
from vitdemo.recording import add_relevance, record
from vitdemo.trace import Trace

Order = Int[np.ndarray, "n"]
Orders = Int[np.ndarray, "k n"]  # between which a map does not decide
JUDGED = (*ATTENTION_METHODS, *CLASS_METHODS)
KEEP_RATIO = 0.7  # of the pass that the keep score is taken from: the ratio of the DynamicViT paper


def class_trace(
    model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], *, target: int | None = None
) -> Trace:
    """Return the dense pass with gradients and relevance of class `target` (None: the predicted one)."""
    return add_relevance(record(model, pixels, target=target, grads=True), model, pixels)


def map_orders(
    model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], trace: Trace, *, seed: int
) -> dict[str, Orders]:
    """Return the orders of each explanation of `trace` (of `class_trace`) at its default options, by its key.

    DynamicViT's own opinion, the keep score, takes part by a pass of its own at keep ratio 0.7.
    """
    maps = {key: explain(trace, key) for key in JUDGED}
    if isinstance(model, DynamicViT):
        pruned = record(model, pixels, pruning=Pruning(Learned(model), FixedRatio(KEEP_RATIO)))
        maps["keep-score"] = keep_rank(pruned)
    return {key: orders_of(heat, seed=seed) for key, heat in maps.items()}


def list_judged(model: VisionTransformer) -> list[str]:
    """Return the keys of `map_orders`."""
    return [*JUDGED, *(["keep-score"] if isinstance(model, DynamicViT) else [])]


def orders_of(heat: Heatmap, *, seed: int) -> Orders:
    """Return the patches by falling value, those without one last, in two orders where some are equal.

    A map says nothing of the order of equal patches, so it is judged by the mean over all of theirs.
    Reading order is one of them and no fair draw: what matters lies in the middle of a picture. The mean of
    two draws is right on average, and with the second the reverse of the first, among equal patches, what
    one gains the other loses: a constant map's gap is exactly that of chance, 0. A pair scatters by 0.01 to
    0.02 where the bar of a picture is 0.1 to 0.7; the exact mean would take a pass for each set of patches.
    """
    values = np.nan_to_num(heat.ravel(), nan=-np.inf)
    drawn = np.random.default_rng((seed, len(values))).permutation(len(values))
    pair = np.stack([np.lexsort((drawn, -values)), np.lexsort((-drawn, -values))])
    return pair if len(np.unique(values)) < len(values) else pair[:1]


def keep_rank(trace: Trace) -> Heatmap:
    """Return how early the selector would drop each patch, 0 the first.

    By the stages that it survived, and among those of one stage by its last score. Equal patches have equal
    ranks.
    """
    survived, score = np.zeros(trace.num_patches), np.zeros(trace.num_patches)
    for stage, kept in enumerate(trace.kept):
        heat = explain(trace, "keep-score", stage=stage).ravel()
        score = np.where(np.isnan(heat), score, heat)
        survived[kept.numpy()] = stage + 1
    _, rank = np.unique(np.stack([survived, score], axis=1), axis=0, return_inverse=True)
    return rank.reshape(trace.grid).astype(np.float32)


def random_orders(num_patches: int, *, count: int, seed: int) -> list[Order]:
    """Return `count` orders drawn evenly, each second one the reverse of the one before.

    What a reversed order deletes is what the order itself inserts, so a pair costs as much as one, and the
    insertion AUC less the deletion AUC of a pair cancels out, as it does on average for random orders.
    """
    draw = np.random.default_rng(seed)
    drawn = [draw.permutation(num_patches) for _ in range(-(-count // 2))]
    return [order for first in drawn for order in (first, first[::-1])][:count]
