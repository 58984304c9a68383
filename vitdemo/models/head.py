"""From logits to probabilities: the only place that knows how a head is to be read."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from vitdemo.config import ViTConfig


def to_probabilities(logits: Float[Tensor, "*b c"], config: ViTConfig) -> Float[Tensor, "*b c"]:
    """Return the probability of each class.

    They sum to 1, or stand each for itself where a picture may be of several classes.
    """
    return logits.sigmoid() if config.multi_label else logits.softmax(dim=-1)
