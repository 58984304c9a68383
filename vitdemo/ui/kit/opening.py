"""What a page opens with: an example, at a ratio, and all that is known of it before anybody asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vitdemo.engine import Analysis, ClassMap, Engine, Timings
from vitdemo.engine.answers.ratios import RatioStep
from vitdemo.examples import Example, choose_examples

FIRST_RATIO = 30  # percent


@dataclass(frozen=True)
class First:
    """What a page shows when it opens, before it asks.

    Its result, the passes' times, maps of the answer, and what every pruning ratio makes of it.
    """

    analysis: Analysis
    times: Timings
    maps: Sequence[ClassMap]
    steps: dict[int, RatioStep]


def list_examples(engine: Engine, model: str) -> tuple[Example, ...]:
    """Return the examples of what `model` knows. The page opens with the first."""
    return choose_examples(engine.info(model).words)
