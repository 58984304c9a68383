"""How much of what a network says stays when patches go: no labels are needed for that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vitdemo.models import VisionTransformer
from vitdemo.models.selectors import list_selectors, prune_by

Pixels = Float[Tensor, "b ch hh ww"]


@torch.no_grad()
def judge(
    network: VisionTransformer, parts: Iterator[Pixels], *, ratios: Sequence[float], device: torch.device
) -> list[dict[str, Any]]:
    """Return for each keep ratio and selector how much of the dense network's answers stays, in percent.

    That is the share of the pictures whose answer is the same; of a network without classes the mean cosine
    of its features to the dense ones.
    """
    pairs = [(ratio, name) for ratio in ratios for name in list_selectors(network.config)]
    sums, n = dict.fromkeys(pairs, 0.0), 0
    for pixels in parts:
        pixels = pixels.to(device)
        dense = network(pixels)
        for ratio, name in pairs:
            pruned = network(pixels, pruning=prune_by(name, ratio, model=network, pixels=pixels))
            sums[ratio, name] += float(agreement(pruned, dense, classes=network.config.num_classes).sum())
        n += len(pixels)
    return [
        {"keep_ratio": ratio, "selector": name, "agreement": round(100 * total / n, 2), "n": n}
        for (ratio, name), total in sums.items()
    ]


def agreement(
    pruned: Float[Tensor, "b c"], dense: Float[Tensor, "b c"], *, classes: int
) -> Float[Tensor, "b"]:
    """Return of each picture 1 where the answer is the same, else 0; without classes the cosine."""
    if classes:
        return (pruned.argmax(dim=-1) == dense.argmax(dim=-1)).float()
    return F.cosine_similarity(pruned, dense, dim=-1)
