"""From maps to orders of the patches, the most important first; and random orders to beat."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from vitdemo.explain import METHODS, Heatmap, explain
from vitdemo.models import DynamicViT, VisionTransformer
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import Learned
from vitdemo.trace import Trace, record

Order = Int[np.ndarray, "n"]
KEEP_RATIO = 0.7  # of the pass that the keep score is taken from: the ratio of the DynamicViT paper


def class_trace(
    model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], *, target: int | None = None
) -> Trace:
    """The dense pass with the gradients of class `target` (None: the predicted one)."""
    return record(model, pixels, target=target, grads=True)


def map_orders(
    model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], trace: Trace
) -> dict[str, Order]:
    """The order of each explanation of `trace` (of `class_trace`) at its default options, by its key.

    DynamicViT's own opinion, the keep score, takes part by a pass of its own at keep ratio 0.7.
    """
    orders = {
        key: order_of(explain(trace, key)) for key, method in METHODS.items() if not method.needs_pruning
    }
    if isinstance(model, DynamicViT):
        pruned = record(model, pixels, pruning=Pruning(Learned(model), FixedRatio(KEEP_RATIO)))
        orders["keep-score"] = keep_order(pruned)
    return orders


def order_of(heat: Heatmap) -> Order:
    """The patches by falling value; those without one last, ties in reading order."""
    return np.argsort(-np.nan_to_num(heat.ravel(), nan=-np.inf), kind="stable")


def keep_order(trace: Trace) -> Order:
    """The patches by the selector's judgement: those kept longest first, among them by their last score."""
    survived, score = np.zeros(trace.num_patches), np.zeros(trace.num_patches)
    for stage, kept in enumerate(trace.kept):
        heat = explain(trace, "keep-score", stage=stage).ravel()
        score = np.where(np.isnan(heat), score, heat)
        survived[kept.numpy()] = stage + 1
    return np.lexsort((-score, -survived))


def random_orders(num_patches: int, *, count: int, seed: int) -> list[Order]:
    """`count` orders drawn evenly, each second one the reverse of the one before.

    What a reversed order deletes is what the order itself inserts, so a pair costs as much as one, and the
    insertion AUC less the deletion AUC of a pair cancels out, as it does on average for random orders.
    """
    draw = np.random.default_rng(seed)
    drawn = [draw.permutation(num_patches) for _ in range(-(-count // 2))]
    return [order for first in drawn for order in (first, first[::-1])][:count]
