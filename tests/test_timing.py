"""Times by hand: what is sampled, which samples count, and what is said of them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import thread_time

import numpy as np
import pytest

from vitdemo import timing
from vitdemo.timing import Timing, collect, describe, describe_saving, measure, saving, settle, take_round

GONE = float("nan")
SPIN = "import os\nos.sched_setaffinity(0, {%d})\nprint(flush=True)\nwhile True: pass"
TRIES = 5


@dataclass
class Machine:
    """Clocks that calls move: of the wall, and of what the thread had of the processor."""

    now: float = 0.0
    worked: float = 0.0
    order: list[str] = field(default_factory=list)

    def call(self, name: str, *seconds: float, share: float = 1.0) -> Callable[[], object]:
        """Return a call that takes so long each time, with that share of a processor."""
        left = iter(seconds)

        def run() -> None:
            self.order.append(name)
            took = next(left)
            self.now += took
            self.worked += share * took

        return run


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, samples_must_agree: None) -> Machine:
    made = Machine()
    monkeypatch.setattr(timing, "perf_counter", lambda: made.now)
    monkeypatch.setattr(timing, "thread_time", lambda: made.worked)
    return made


@pytest.fixture
def processor(samples_must_agree: None) -> Iterator[int]:
    """The only one that this thread may use."""
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usual)})
    yield min(usual)
    os.sched_setaffinity(0, usual)


@contextmanager
def load(processor: int) -> Iterator[None]:
    """Let two programs run that do nothing but want this processor."""
    command = [sys.executable, "-c", SPIN % processor]
    programs = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for program in programs:
            assert program.stdout
            program.stdout.readline()  # it has begun
        yield
    finally:
        for program in programs:
            program.kill()
            program.communicate()


def use_processor() -> None:
    """Need a processor for 30 ms, which is longer than anybody may have it while others wait."""
    end = thread_time() + 0.03
    while thread_time() < end:
        pass


def test_a_busy_machine_gives_no_time(processor: int) -> None:
    with load(processor):
        assert measure([use_processor], seconds=0.5) == [None]


@pytest.mark.timing
def test_an_idle_machine_gives_one(processor: int) -> None:
    with load(processor):
        measure([use_processor], seconds=0.1)
    found = next((found for _ in range(TRIES) if (found := measure([use_processor], seconds=0.5)[0])), None)
    assert found is not None
    assert found.n >= 5
    assert 30 <= found.low <= found.milliseconds <= found.high <= 36


def test_calls_take_turns_and_the_first_does_not_count(machine: Machine) -> None:
    heard: list[int] = []
    calls = [machine.call("a", 9, 1, 2, 2), machine.call("b", 9, 4, 4, 5)]
    found = measure(calls, seconds=0, rounds=(3, 5), between=lambda: heard.append(len(machine.order)))
    assert machine.order == ["a", "b"] * 4
    assert heard == list(range(8))
    assert found == [None, Timing(4000, 4000, 4500, 3)], "1, 2 and 2 s do not agree"


def test_a_sample_counts_if_nobody_else_had_the_processor(machine: Machine) -> None:
    calls = [machine.call("a", 0.5), machine.call("b", 0.5, share=0.95), machine.call("c", 0.5, share=0.8)]
    np.testing.assert_array_equal(take_round(calls), [500, 500, GONE])


@pytest.mark.parametrize(
    ("seconds", "rows", "rounds"),
    [
        (0.0, [[1.0]] * 9, 2),  # the fewest
        (10.0, [[1.0]] * 9, 3),  # the most
        (2.5, [[1.0]] * 9, 3),  # as many as there is time for
        (1.5, [[1.0], [GONE], [1.0], [1.0]], 3),  # until there are the fewest
        (2.0, [[1.0], [GONE], [GONE], [GONE], [1.0]], 4),  # in twice the time
        (0.0, [[GONE], [GONE], [1.0]], 2),  # and as many rounds at least
        (2.0, [[1.0, GONE], [1.0, 1.0], [1.0, GONE], [GONE, 1.0], [1.0, 1.0]], 4),  # of each call
    ],
)
def test_how_long_samples_are_taken(
    seconds: float, rows: list[list[float]], rounds: int, machine: Machine
) -> None:
    """A round takes a second."""
    left = iter(rows)

    def take() -> list[float]:
        machine.now += 1
        return next(left)

    assert len(collect(take, seconds=seconds, rounds=(2, 3))) == rounds


@pytest.mark.parametrize(
    ("samples", "wanted"),
    [
        ([10, 10, 10, 11, 9], Timing(10, 10, 10, 5)),
        ([10, 10, 10, 11, 90], Timing(10, 10, 11, 5)),  # one in five may be off
        ([10, 10, 10, 90, 90], None),
        ([10, 20, 30, 40, 50], None),  # the machine becomes busier
        ([10, 10, 10, GONE, 10], None),  # too few
        ([10, 10, 10, GONE, 10, 12], Timing(10, 10, 10, 5)),
    ],
)
def test_samples_that_do_not_agree_are_no_time(
    samples: list[float], wanted: Timing | None, samples_must_agree: None
) -> None:
    assert settle(np.array(samples, float)[:, None]) == [wanted]


@pytest.mark.parametrize(
    ("one", "share", "words"),
    [
        (Timing(8.0, 7.9, 8.2, 5), 0.2, "faster by 20 %"),
        (Timing(11.2, 11.1, 11.4, 5), -0.12, "slower by 12 %"),
        (Timing(9.6, 9.5, 9.7, 5), 0.0, "about equal"),
        (Timing(10.4, 10.3, 10.5, 5), 0.0, "about equal"),
        (Timing(9.0, 8.5, 9.9, 5), 0.0, "about equal"),  # the middle halves meet
        (None, None, "not measured"),
    ],
)
def test_a_difference_is_said_in_words(one: Timing | None, share: float | None, words: str) -> None:
    found = saving(one, Timing(10.0, 9.9, 10.1, 5))
    assert found == (share and pytest.approx(share))
    assert describe_saving(found) == words
    assert saving(Timing(10.0, 9.9, 10.1, 5), None) is None


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (Timing(16.24, 15.06, 17.96, 9), "16.2 ms, 15.1 to 18.0, n = 9"),
        (Timing(99.94, 99.4, 101.2, 5), "100 ms, 99 to 101, n = 5"),
        (None, "busy, not measured"),
    ],
)
def test_a_time_has_its_spread_and_n(time: Timing | None, words: str) -> None:
    assert describe(time) == words
