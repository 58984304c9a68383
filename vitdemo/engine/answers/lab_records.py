"""What the pruning laboratory hands out: frozen records without a tensor in sight."""

from __future__ import annotations

from dataclasses import dataclass

from vitdemo.engine.core.records import Top
from vitdemo.timing import Timing


@dataclass(frozen=True)
class SweepPoint:
    """One pruning ratio of a sweep.

    `tokens`: patches at the input and after each stage; they, and with them the `macs`, are the same for
    all selectors.
    """

    pruning_ratio: float
    tokens: tuple[int, ...]
    macs: int


@dataclass(frozen=True)
class SweepCurve:
    """What one selector makes of the answer: an entry a ratio in each field.

    `runs`: how many seeds the numbers are the mean of; 1 for selectors without chance.
    `probabilities`: those of the sweep's `labels`. `answers`: the class with the highest mean probability.
    `held`: the share of runs that still give the dense answer. `kept`: patch ids after the last stage,
    ascending, of the first run. `times`: of one run at batch size 1, all ratios and selectors in turn.
    """

    selector: str
    runs: int
    probabilities: tuple[tuple[float, ...], ...]
    answers: tuple[str, ...]
    held: tuple[float, ...]
    kept: tuple[tuple[int, ...], ...]
    times: tuple[Timing | None, ...]

    @property
    def flip(self) -> int | None:
        """The index of the first ratio whose answer is not that of the first one, None if there is none."""
        return next((i for i, answer in enumerate(self.answers) if answer != self.answers[0]), None)


@dataclass(frozen=True)
class Sweep:
    """One picture at every pruning ratio.

    `labels`: the classes shown, the dense answer first. `curves`: the chosen selector first; all keep the
    same number of patches at a ratio.
    """

    labels: tuple[str, ...]
    points: tuple[SweepPoint, ...]
    curves: tuple[SweepCurve, ...]


@dataclass(frozen=True)
class Surgery:
    """The answer after patches were forced to stay or to go.

    `before`: as the analysis left it; `after`: with the forced ones; both as probabilities of the same
    classes. `tokens`: patches at the input and after each stage.
    """

    before: Top
    after: Top
    tokens: tuple[int, ...]
    macs: int


@dataclass(frozen=True)
class SmallestSet:
    """A small set of patches that alone give the dense answer, and `share` of its probability or more.

    `kept`: patch ids, ascending, the only ones that enter the network. `probability`: of the answer with
    them; `dense`: with all. `minimal`: every single further removal was tried, and none keeps both (a single
    patch counts as minimal). `tried`: how many sets of patches went through the network.
    """

    answer: str
    share: float
    kept: tuple[int, ...]
    probability: float
    dense: float
    minimal: bool
    tried: int


@dataclass(frozen=True)
class Budget:
    """What one rule keeps, costs and answers. `kept`: patch ids after the last stage, ascending."""

    tokens: tuple[int, ...]
    kept: tuple[int, ...]
    macs: int
    top: Top


@dataclass(frozen=True)
class Adaptive:
    """A threshold beside the fixed pruning ratio whose multiply-adds are nearest to what it used.

    `selector`: whose scores both rules use.
    """

    selector: str
    threshold: float
    adaptive: Budget
    pruning_ratio: float
    fixed: Budget
