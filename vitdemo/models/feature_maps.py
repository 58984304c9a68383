"""The positive features of queries and keys that linear attention multiplies, never in half precision."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vitdemo.config import FeatureMap

RELU_FLOOR = 1e-6  # a query-key pair with no ReLU feature in common still has a denominator
FOCUS = 3  # the power that FLatten sharpens by

Heads = Float[Tensor, "b h n e"]


def make_features(x: Heads, kind: FeatureMap) -> Heads:
    """Return features of `x`, none negative: `elu(x) + 1` (Katharopoulos et al. 2020, eq. 7) or ReLU's."""
    if kind == "elu":
        return F.elu(x) + 1
    x = F.relu(x) + RELU_FLOOR
    return x if kind == "relu" else focus(x)


def focus(x: Heads) -> Heads:
    """Return `x`, all above 0, drawn to its largest feature: `|x| x^p / |x^p|` (Han et al. 2023, sec. 3.2).

    Features of like direction come nearer, others part, and none becomes negative. The powers are of `x` over
    its largest feature, which no number is too large or too small for. Departure from the official code: no
    learned factor for each channel before, since the projection has one.
    """
    largest = x.amax(dim=-1, keepdim=True)
    part = x / largest
    power = part**FOCUS
    return largest * part.norm(dim=-1, keepdim=True) * power / power.norm(dim=-1, keepdim=True)
