"""The likeliest classes of a pass, by name."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from vitdemo.engine.core.records import Top
from vitdemo.models.head import to_probabilities
from vitdemo.models.pruning import rank
from vitdemo.weights import LoadedModel

TOP = 5


def rank_classes(logits: Float[Tensor, "c"]) -> list[int]:
    """Return the `TOP` likeliest classes, the best first."""
    return rank(logits)[:TOP].tolist()


def name_classes(probabilities: Float[Tensor, "c"], loaded: LoadedModel, classes: Sequence[int]) -> Top:
    """Return the names of these classes, each with its probability."""
    return tuple((loaded.classes[index], float(probabilities[index])) for index in classes)


def name_top(logits: Float[Tensor, "c"], loaded: LoadedModel) -> Top:
    """Return the names of the `TOP` likeliest classes, each with its probability."""
    return name_classes(to_probabilities(logits, loaded.spec.config), loaded, rank_classes(logits))
