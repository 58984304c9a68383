"""Which share of the patches a step trains on."""

from __future__ import annotations

import torch

from train.config import TrainConfig
from train.options import PruneOptions


def draw_keep(config: TrainConfig, done: float) -> float:
    """Return the share of the patches that a step after the share `done` of all trains on.

    The elastic objective draws it, and means a share at each stage.
    """
    if config.objective == "elastic":
        return draw_ratio(config.prune)
    return config.augment.tokens_at(done)


def draw_ratio(options: PruneOptions) -> float:
    """Return the keep ratio of a step under the elastic objective."""
    (low, high), levels = options.keep_ratio_range, options.keep_ratio_levels
    dense, place = torch.rand(2).tolist()
    if dense < options.dense_share:
        return 1.0
    if levels > 1:
        place = min(int(place * levels), levels - 1) / (levels - 1)
    return low + (high - low) * place
