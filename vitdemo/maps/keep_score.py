"""Keep score: DynamicViT's (or any selector's) own opinion of each patch."""

from __future__ import annotations

import torch

from vitdemo.maps.heatmap import Heatmap
from vitdemo.trace import Trace


def keep_score(trace: Trace, *, stage: int) -> Heatmap:
    """Return the selector's score of each candidate of a pruning stage; NaN for patches dropped before it.

    Larger = keep; the scale is the selector's own and is handed on untouched. A learned selector gives log
    keep-probabilities, so `np.exp` of its map is a probability; class attention gives attention weights.
    """
    loc = trace.prune_loc[stage]
    present = trace.patch_ids(loc - 1) if loc else torch.arange(trace.num_patches)
    row = torch.full((trace.num_patches,), torch.nan)
    row[present] = trace.scores[stage]
    return row.unflatten(0, trace.grid).numpy()
