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
from vitdemo.models.schedule import Schedule, parse_schedule
from vitdemo.models.selectors import list_selectors, prune_by
from vitdemo.registry import ModelSpec
from vitdemo.weights import LoadedModel


@dataclass(frozen=True)
class Setting:
    """A request, checked against its model.

    `keep`: the share that each stage keeps, or the stages that are asked for. `reduction` is "" when nothing
    is pruned, `selector` when none is asked.
    """

    spec: ModelSpec
    keep: float | Schedule
    selector: str
    reduction: str

    @property
    def stages(self) -> str:
        """The stages that are asked for, as text; "" = the network's own."""
        return str(self.keep) if isinstance(self.keep, Schedule) else ""

    @property
    def pruning_ratio(self) -> float:
        """The share that each stage lets go; of stages of one's own, what would leave as many patches."""
        keep = self.keep.mean_ratio if isinstance(self.keep, Schedule) else self.keep
        return round(1 - keep, 4)


def check_request(request: Request, spec: ModelSpec) -> Setting:
    """Return the request, checked against the model that was really loaded."""
    asked = request.pruning_ratio, request.selector, request.reduction
    return choose_setting(spec, *asked, stages=request.stages)


def choose_setting(
    spec: ModelSpec, pruning_ratio: float, selector: str, reduction: str, *, stages: str = ""
) -> Setting:
    """Return how the network is asked. Raise ValueError for what is unknown or out of range."""
    keep, way = find_keep(spec, pruning_ratio, stages), find_reduction(reduction)
    places = keep.prune_loc if isinstance(keep, Schedule) and way.asks_selector else ()
    selector = choose_selector(spec, selector, places)
    if keep == 1:
        return Setting(spec, keep, "", "")
    return Setting(spec, keep, selector if way.asks_selector else "", reduction)


def find_keep(spec: ModelSpec, pruning_ratio: float, stages: str) -> float | Schedule:
    """Return what each stage keeps; `stages`, where there are some, go before the ratio."""
    if stages:
        return parse_schedule(stages, depth=spec.config.depth)
    return to_keep_ratio(pruning_ratio)


def find_setting(analysis: Analysis, loaded: LoadedModel) -> Setting:
    """Return how the result was asked for."""
    keep = find_keep(loaded.spec, analysis.pruning_ratio, analysis.stages)
    return Setting(loaded.spec, keep, analysis.selector, analysis.reduction)


def choose_selector(spec: ModelSpec, name: str, prune_loc: tuple[int, ...] = ()) -> str:
    """Return `name`, or the model's best for "", at its own stages or before the blocks `prune_loc`.

    Raise ValueError naming those that the model has there.
    """
    fitting = list_selectors(spec.config, prune_loc)
    known = list_selectors(spec.config)
    if name in known and name not in fitting:
        raise ValueError(
            Message(
                "selector {name} asks the learned predictors, which stand only before layers {layers}; at "
                "other stages choose one of {known}",
                name=repr(name),
                layers=", ".join(map(str, spec.config.prune_loc)),
                known=", ".join(fitting),
            )
        )
    if name and name not in known:
        raise ValueError(
            Message(
                "selector must be one of {known} for {model}, got {name}",
                known=", ".join(known),
                model=spec.key,
                name=repr(name),
            )
        )
    return name or fitting[0]


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
    return prune_by(setting.selector, setting.keep, model=model, pixels=pixels, reduction=setting.reduction)


def name_setting(model: str, setting: Setting, loaded: LoadedModel) -> tuple[str, ...]:
    """Return what the cost of a pass depends on beside the size: which weights, and how they are pruned."""
    weights = f"{model}@{loaded.origin.source}@{loaded.origin.revision}"
    keep = setting.stages or f"{setting.keep:g}"
    return weights, keep, setting.selector, setting.reduction
