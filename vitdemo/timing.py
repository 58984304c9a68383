"""How long a call takes, or that the machine was too busy to tell: the one place that measures times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from time import perf_counter, thread_time

import numpy as np
from jaxtyping import Float

from vitdemo.message import Message

ROUNDS = (5, 15)  # fewest and most samples of each call
OWN = 0.9  # of a sample's time: less of a processor, and others had it meanwhile
SPREAD = 0.2  # of the median: quartiles that lie farther apart do not agree
ALIKE = 0.05  # of the time: less of a difference is none
Call = Callable[[], object]


@dataclass(frozen=True)
class Timing:
    """How long a call takes: the median of `n` samples that agree, and their quartiles; milliseconds."""

    milliseconds: float
    low: float
    high: float
    n: int


def measure(
    calls: Sequence[Call],
    *,
    seconds: float,
    rounds: tuple[int, int] = ROUNDS,
    between: Call = lambda: None,
) -> list[Timing | None]:
    """Return the timing of each call, None where the machine was too busy for one.

    Each runs once uncounted, then all take turns, so that drift meets all alike. `rounds`, `seconds`: as
    `collect`. `between` is called before each call, and may raise.
    """
    take_round(calls, between=between)
    return settle(collect(lambda: take_round(calls, between=between), seconds=seconds, rounds=rounds), rounds)


def take_round(calls: Sequence[Call], *, between: Call = lambda: None) -> list[float]:
    """Return a sample of each call in milliseconds, NaN for one during which others had its processor.

    A call that waits for a GPU asks whether it is done again and again, which needs a processor, too.
    """
    samples = []
    for call in calls:
        between()
        start, worked = perf_counter(), thread_time()
        call()
        took, own = perf_counter() - start, thread_time() - worked
        samples.append(1000 * took if own >= OWN * took else nan)
    return samples


def collect(
    take: Callable[[], Sequence[float]], *, seconds: float, rounds: tuple[int, int] = ROUNDS
) -> Float[np.ndarray, "n calls"]:
    """Return what `take` gives, again and again.

    It ends with the most samples of each call, or after `seconds` with the fewest. Where these do not come,
    it ends after twice that time, and as many rounds at least.
    """
    fewest, most = rounds
    begin, samples = perf_counter(), list[Sequence[float]]()
    while True:
        samples.append(take())
        count, took = np.isfinite(samples).sum(axis=0).min(), perf_counter() - begin
        given_up = len(samples) >= fewest and took >= 2 * seconds
        if count == most or given_up or (count >= fewest and took >= seconds):
            return np.array(samples)


def settle(samples: Float[np.ndarray, "n calls"], rounds: tuple[int, int] = ROUNDS) -> list[Timing | None]:
    """Return the timing of each column; None for fewer samples than the fewest, or for such that disagree."""
    found: list[Timing | None] = []
    for column in samples.T:
        good = column[np.isfinite(column)]
        low, middle, high = np.percentile(good, (25, 50, 75)).tolist() if len(good) else (nan, nan, nan)
        agreed = len(good) >= rounds[0] and high - low <= SPREAD * middle
        found.append(Timing(middle, low, high, len(good)) if agreed else None)
    return found


def saving(one: Timing | None, other: Timing | None) -> float | None:
    """Return which share of the time of `other` is saved by `one`, negative for a loss; None if unmeasured.

    0 where the two cannot be told apart: a difference under 5 %, or middle halves that meet.
    """
    if one is None or other is None:
        return None
    share = 1 - one.milliseconds / other.milliseconds
    meet = one.low <= other.high and other.low <= one.high
    return 0.0 if meet or abs(share) < ALIKE else share


def describe(timing: Timing | None) -> Message:
    """Return a time in words."""
    if timing is None:
        return Message("busy, not measured")
    digits = 1 if timing.high < 100 else 0
    middle, low, high = (f"{time:.{digits}f}" for time in (timing.milliseconds, timing.low, timing.high))
    return Message("{middle} ms, {low} to {high}, n = {n}", middle=middle, low=low, high=high, n=timing.n)


def describe_saving(share: float | None) -> Message:
    """Return a `saving` in words."""
    if share is None:
        return Message("not measured")
    if share == 0:
        return Message("about equal")
    number = f"{abs(100 * share):.0f}"
    if share > 0:
        return Message("faster by {share} %", share=number)
    return Message("slower by {share} %", share=number)
