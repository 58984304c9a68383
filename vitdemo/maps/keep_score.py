"""Keep score: DynamicViT's (or any selector's) own opinion of each patch."""

from __future__ import annotations

import torch.nn.functional as F

from vitdemo.maps.heatmap import Heatmap, hand_out, lay_out
from vitdemo.trace import Trace


def keep_score(trace: Trace, *, stage: int) -> Heatmap:
    """Return the selector's score of each candidate of a pruning stage; NaN for patches dropped before it.

    Patches that are parts of one token have its score.
    Larger = keep; the scale is the selector's own and is handed on untouched. A learned selector gives log
    keep-probabilities, so `np.exp` of its map is a probability; class attention gives attention weights.
    """
    loc = trace.prune_loc[stage]
    if not loc:
        return trace.scores[stage].unflatten(0, trace.grid).numpy()
    scores = F.pad(trace.scores[stage], (trace.num_prefix_tokens, 0))
    return lay_out(trace, hand_out(trace, scores, layer=loc - 1), layer=loc - 1)
