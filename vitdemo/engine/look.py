"""What of a result's attention is looked at: one record, and how it is written elsewhere.

The browser and exported files write it as a state, other programs as arguments, an address as parameters. All
use the names of the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, get_type_hints

from vitdemo.engine.core.records import ModelInfo
from vitdemo.kinds import take
from vitdemo.maps import METHODS
from vitdemo.maps.options import FUSION

PASSES = ("pruned", "dense")
DIRECTIONS = ("out", "in")
RATIOS = [step / 100 for step in range(5, 100, 5)]  # the discard ratios, beside 0, that the page offers
FORMER = {"patch": "query", "discard": "discard_ratio"}  # in links of former versions, the latter in percent


@dataclass(frozen=True)
class Look:
    """What of a result's attention is looked at. Options that the method does not have are ignored.

    `method`: a key of ATTENTION_METHODS. `pass_`: "pruned" or "dense"; at pruning ratio 0 there is only the
    dense one. `layer`: from 0, negative counts from the last. `head`: None = fused by `fusion` (mean, max,
    min). `direction`: "out" = what the query looks at, "in" = who looks at it. `query`: a patch id, None =
    what the head reads. Raise ValueError for another pass or direction.
    """

    method: str = "attention-rollout"
    pass_: str = "pruned"
    layer: int = -1
    head: int | None = None
    direction: str = "out"
    query: int | None = None
    fusion: str = "mean"
    discard_ratio: float = 0.0

    def __post_init__(self) -> None:
        if self.pass_ not in PASSES:
            raise ValueError(f"pass_ must be one of {', '.join(PASSES)}, got {self.pass_!r}")
        if self.direction not in DIRECTIONS:
            raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, got {self.direction!r}")

    def counted(self, layers: int) -> Look:
        """Return the same with the layer counted from 0, of so many."""
        return replace(self, layer=self.layer + layers) if self.layer < 0 else self


KINDS = get_type_hints(Look)


def to_state(look: Look) -> dict[str, Any]:
    """Return `look` for JSON; `pass_` is "pass" there."""
    return {field.name.rstrip("_"): getattr(look, field.name) for field in fields(look)}


def from_state(state: Mapping[str, Any]) -> Look:
    """Return the look that `state` writes, what it lacks as at first. Raise ValueError naming a bad one."""
    values = {
        field.name: take(state, field.name.rstrip("_"), KINDS[field.name], field.default)
        for field in fields(Look)
    }
    return Look(**values)


def from_arguments(*, head: int | None, **others: Any) -> Look:
    """Return the look of another program, which may write -1 for all heads. Raise ValueError as Look."""
    return Look(head=None if head == -1 else head, **others)


def from_link(
    parameters: Mapping[str, str], info: ModelInfo, *, patches: int
) -> tuple[dict[str, Any], list[str]]:
    """Return (the part of a state that a link asks for, the parameters that make no sense on this model).

    `patches`: how many it cuts the picture into. `look.js` writes them. Parameters that are not of a look are
    passed over.
    """
    known = {
        "patch": by_text(range(patches)),
        "discard": {f"{100 * ratio:.0f}": ratio for ratio in (0, *RATIOS)},
        "method": by_text(key for key, method in METHODS.items() if method.in_browser),
        "layer": by_text(range(info.layers)),
        "head": {"all": None, **by_text(range(info.heads))},
        "direction": by_text(DIRECTIONS),
        "pass": by_text(PASSES),
        "query": by_text(range(patches)),
        "fusion": by_text(FUSION.choices),
        "discard_ratio": by_text((0, *RATIOS)),
    }
    found, wrong = choose(known, parameters)
    return {FORMER.get(name, name): value for name, value in found.items()}, wrong


def by_text(values: Iterable[Any]) -> dict[str, Any]:
    """Return the values by what a link writes for each."""
    return {str(value): value for value in values}


def choose(
    known: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Return (the values that `parameters` choose, by name; the names whose text is not `known`)."""
    asked = {name: parameters[name] for name in known if name in parameters}
    found = {name: known[name][text] for name, text in asked.items() if text in known[name]}
    return found, [name for name in asked if name not in found]
