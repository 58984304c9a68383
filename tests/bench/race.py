"""Calls that take turns, so that drift meets all alike, and what is said of their times."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

Call = Callable[[], object]
OURS = "vitdemo"


@dataclass(frozen=True)
class Setting:
    """How much is measured.

    `rounds`: fewest and most of a race; `seconds`: what more than the fewest may take. `tiny`: networks and
    counts so small that all of it is over in seconds, to see that it works.
    """

    rounds: tuple[int, int] = (5, 25)
    seconds: float = 10.0
    tiny: bool = False


@dataclass(frozen=True)
class Spread:
    """The median of `n` values, and their quartiles."""

    median: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Row:
    """One thing that was measured here, alone or against a peer.

    `ratio`: of ours to theirs, a value a round; None without a peer, and where it is not there. `bar`: what
    the ratio, or without a peer our own value, should not exceed. `note`: what else must be known.
    """

    benchmark: str
    case: str
    ours: Spread
    peer: str = ""
    theirs: Spread | None = None
    ratio: Spread | None = None
    unit: str = "ms"
    bar: float | None = None
    note: str = ""

    @property
    def judged(self) -> Spread | None:
        """What the bar is held against; None where that was not measured."""
        return self.ratio if self.peer else self.ours

    @property
    def missed(self) -> bool:
        """Whether what was measured exceeds the bar."""
        return self.bar is not None and self.judged is not None and self.judged.median > self.bar


def summarise(values: Sequence[float]) -> Spread:
    low, middle, high = np.percentile(values, (25, 50, 75)).tolist()
    return Spread(middle, low, high, len(values))


def race(calls: Mapping[str, Call], setting: Setting) -> dict[str, list[float]]:
    """Return the milliseconds of each call, one a round.

    Each runs once uncounted. Every round begins with the next one, because whoever follows another finds the
    caches as that one left them.
    """
    names, (fewest, most) = list(calls), setting.rounds
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    begin = perf_counter()
    for turn in range(most):
        if turn >= fewest and perf_counter() - begin > setting.seconds:
            break
        first = turn % len(names)
        for name in (*names[first:], *names[:first]):
            start = perf_counter()
            calls[name]()
            times[name].append(1000 * (perf_counter() - start))
    return times


def compare(
    benchmark: str,
    case: str,
    times: Mapping[str, Sequence[float]],
    *,
    bars: Mapping[str, float] | None = None,
    note: str = "",
) -> list[Row]:
    """Return a row for each other contestant of a race, whose ratio is the median over the rounds.

    `bars`: by the peer's name.
    """
    ours, rows = times[OURS], []
    for peer, theirs in times.items():
        if peer != OURS:
            ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
            rows.append(
                Row(
                    benchmark,
                    case,
                    summarise(ours),
                    peer,
                    summarise(theirs),
                    summarise(ratios),
                    bar=(bars or {}).get(peer),
                    note=note,
                )
            )
    return rows


def miss(benchmark: str, case: str, times: Mapping[str, Sequence[float]], peers: Sequence[str]) -> list[Row]:
    """Return a row for each of the peers that took no part."""
    ours = summarise(times[OURS])
    return [Row(benchmark, case, ours, peer, note="not installed") for peer in peers if peer not in times]
