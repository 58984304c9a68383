"""How a network is asked: its pruning, checked against what it is, and as a name."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vitdemo.engine.core.records import MAX_PRUNING_RATIO, Analysis, Request
from vitdemo.message import Message
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Pruning
from vitdemo.models.reductions import find_reduction
from vitdemo.models.selectors import list_selectors, prune_by
from vitdemo.registry import ModelSpec
from vitdemo.weights import LoadedModel


@dataclass(frozen=True)
class Setting:
    """A request, checked against its model.

    `reduction` is "" when nothing is pruned, `selector` when none is asked.
    """

    spec: ModelSpec
    keep_ratio: float
    selector: str
    reduction: str


def check_request(request: Request, spec: ModelSpec) -> Setting:
    """Return the request, checked against the model that was really loaded."""
    return choose_setting(spec, request.pruning_ratio, request.selector, request.reduction)


def choose_setting(spec: ModelSpec, pruning_ratio: float, selector: str, reduction: str) -> Setting:
    """Return how the network is asked. Raise ValueError for what is unknown or out of range."""
    keep_ratio = to_keep_ratio(pruning_ratio)
    selector, way = choose_selector(spec, selector), find_reduction(reduction)
    if keep_ratio == 1:
        return Setting(spec, keep_ratio, "", "")
    return Setting(spec, keep_ratio, selector if way.asks_selector else "", reduction)


def find_setting(analysis: Analysis, loaded: LoadedModel) -> Setting:
    """Return how the result was asked for."""
    keep_ratio = to_keep_ratio(analysis.pruning_ratio)
    return Setting(loaded.spec, keep_ratio, analysis.selector, analysis.reduction)


def choose_selector(spec: ModelSpec, name: str) -> str:
    """Return `name`, or the model's best for "". Raise ValueError naming those that the model has."""
    known = list_selectors(spec.config)
    if name and name not in known:
        raise ValueError(
            Message(
                "selector must be one of {known} for {model}, got {name}",
                known=", ".join(known),
                model=spec.key,
                name=repr(name),
            )
        )
    return name or known[0]


def to_keep_ratio(pruning_ratio: float) -> float:
    """Return 1 - `pruning_ratio`, without the rounding noise. Raise ValueError outside 0..0.9."""
    if not 0 <= pruning_ratio <= MAX_PRUNING_RATIO:
        raise ValueError(
            Message(
                "pruning_ratio must be from 0 to {limit}, got {ratio}",
                limit=MAX_PRUNING_RATIO,
                ratio=pruning_ratio,
            )
        )
    return round(1 - pruning_ratio, 4)


def make_pruning(
    setting: Setting, model: VisionTransformer, pixels: Float[Tensor, "b ch hh ww"]
) -> Pruning | None:
    """Return how `model` prunes these pictures; None where nothing is."""
    if not setting.reduction:
        return None
    return prune_by(
        setting.selector, setting.keep_ratio, model=model, pixels=pixels, reduction=setting.reduction
    )


def name_setting(model: str, setting: Setting, loaded: LoadedModel) -> tuple[str, ...]:
    """Return what the cost of a pass depends on beside the size: which weights, and how they are pruned."""
    weights = f"{model}@{loaded.origin.source}@{loaded.origin.revision}"
    return weights, f"{setting.keep_ratio:g}", setting.selector, setting.reduction
