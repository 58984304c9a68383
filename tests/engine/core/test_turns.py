"""Turns: in the order of arrival, given up by those whose answer nobody wants, and over in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, pairwise
from pathlib import Path

import pytest
import torch

from tests.engine.bundle import LAB_MODEL, draw_picture
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine, Progress, Request
from vitdemo.engine.answers import lab, sanity, speed
from vitdemo.engine.core.pool import DECODERS
from vitdemo.engine.core.turns import Turns
from vitdemo.limits import Limits

GAP = 20  # passes of a small network that may go by before a job listens again
OVERDUE = r"longer than the 0\.2 seconds that one request may run"
Job = Callable[[Engine, str, Progress], object]
JOBS: dict[str, Job] = {
    "sweep": lambda engine, key, report: engine.recall(key, progress=report).lab.sweep(),
    "smallest set": lambda engine, key, report: engine.recall(key, progress=report).lab.smallest_set(),
    "trust": lambda engine, key, report: engine.recall(key, progress=report).trust(),
    "sanity": lambda engine, key, report: engine.recall(key, progress=report).inside.sanity(),
    "ablation": lambda engine, key, report: engine.recall(key, progress=report).inside.ablation("pruned"),
    "speed": lambda engine, key, report: speed.measure_speed(
        LAB_MODEL, pruning_ratio=0.3, pool=engine._pool, progress=report, haste=40
    ),
    "compare": lambda engine, key, report: engine.compare(
        Request(draw_picture(7), LAB_MODEL, 0.5), Request(draw_picture(7), LAB_MODEL, 0.2), progress=report
    ),
}


@pytest.fixture(autouse=True)
def one_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanity, "DRAWS", 1)


class Gone(Exception):  # noqa: N818
    """As a page raises it."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def key(engine: Engine) -> str:
    return engine.open(Request(draw_picture(), LAB_MODEL, 0.3)).key


@pytest.fixture
def held() -> Iterator[tuple[Turns, threading.Event]]:
    """Turns of which the only one is taken until the event is set."""
    turns, taken, done = Turns(), threading.Event(), threading.Event()

    def hold() -> None:
        with turns.turn():
            taken.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    taken.wait(30)
    yield turns, done
    done.set()
    holder.join()


def wait_until_queued(turns: Turns, count: int) -> None:
    while len(turns._line) < count:
        time.sleep(0.005)


def test_first_come_first_served(held: tuple[Turns, threading.Event]) -> None:
    turns, done = held
    order: list[int] = []

    def come(number: int) -> None:
        with turns.turn():
            order.append(number)

    with ThreadPoolExecutor(8) as threads:
        for number in range(8):
            threads.submit(come, number)
            wait_until_queued(turns, number + 1)
        done.set()
    assert order == list(range(8))


def test_who_gives_up_waiting_leaves_the_line_to_others(held: tuple[Turns, threading.Event]) -> None:
    turns, done = held
    left = threading.Event()

    def report(share: float, text: str) -> None:
        if left.is_set():
            raise Gone

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(lambda: turns.turn(report).__enter__())
        wait_until_queued(turns, 1)
        second = threads.submit(lambda: turns.turn().__enter__())
        wait_until_queued(turns, 2)
        left.set()
        with pytest.raises(Gone):
            first.result(timeout=1)
        assert not second.done()
        done.set()
        second.result(timeout=30)


def test_nobody_waits_longer_than_their_patience() -> None:
    turns = Turns(patience=0.2)
    with turns.turn():
        with (
            pytest.raises(ValueError, match=OVERDUE),
            turns.turn(),
        ):
            pass
        assert not turns._line
    with turns.turn():
        pass


def test_waiting_for_a_place_to_decode_ends_with_the_time_of_a_request(models: Path) -> None:
    engine = Engine(device="cpu", models_dir=models, limits=Limits(request_seconds=0.2))
    places = [engine._pool.decoding.turn() for _ in range(DECODERS)]
    for place in places:
        place.__enter__()
    with pytest.raises(ValueError, match=OVERDUE):
        engine.open(Request(draw_picture(), LAB_MODEL))
    for place in places:
        place.__exit__(None, None, None)


def test_as_many_at_once_as_there_are_places() -> None:
    turns, inside, most = Turns(3), [0], [0]

    def work(_: int) -> None:
        with turns.turn():
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.02)
            inside[0] -= 1

    with ThreadPoolExecutor(9) as threads:
        list(threads.map(work, range(18)))
    assert most == [3]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_whose_answer_nobody_wants_ends_within_a_few_passes(
    name: str, engine: Engine, key: str, models: Path
) -> None:
    """It listens often while it works, ends when it is told to, and the next one runs."""
    heard: list[int] = []
    JOBS[name](engine, key, lambda share, text: heard.append(engine.forwards))
    gaps = [after - before for before, after in pairwise(heard)]
    assert max([*gaps, engine.forwards - heard[-1]]) <= GAP

    fresh = Engine(device="cpu", models_dir=models)
    key = fresh.open(Request(draw_picture(), LAB_MODEL, 0.3)).key
    calls = 0

    def leave(share: float, text: str) -> None:
        nonlocal calls
        calls += 1
        if calls > len(heard) // 2:
            raise Gone

    with pytest.raises(Gone):
        JOBS[name](fresh, key, leave)
    with ThreadPoolExecutor(1) as other:
        other.submit(fresh.open, Request(draw_picture(3), LAB_MODEL, 0.3)).result(timeout=30)


def test_what_lasts_too_long_is_told_so(models: Path, engine: Engine) -> None:
    hasty = Engine(device="cpu", models_dir=models, limits=Limits(request_seconds=0.001))
    with pytest.raises(ValueError, match=r"longer than the 0\.001 seconds that one request may run"):
        hasty.recall(analyse_with(hasty, engine)).lab.sweep()


def analyse_with(hasty: Engine, engine: Engine) -> str:
    """Return the key of a result that `hasty` holds without having had the time to make it."""
    entry = engine.open(Request(draw_picture(), LAB_MODEL, 0.3))._entry
    hasty._cache.put(entry)
    return entry.analysis.key


def test_a_clock_that_jumps_shortens_nothing(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(device="cpu", models_dir=models)
    result, hours = engine.open(Request(draw_picture(), LAB_MODEL, 0.3)), cycle((0, 5, -5))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600 * next(hours))
    assert result.lab.sweep().curves
    assert result.trust().candidates


@pytest.mark.parametrize("refuse", [lambda: torch.empty(2**50), lambda: bytearray(2**60)])
def test_memory_that_is_refused_costs_one_request(
    refuse: Callable[[], object], engine: Engine, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(lab, "adaptive", lambda *args: refuse())
        with pytest.raises(ValueError, match=r"^There is not enough memory for this request now"):
            engine.recall(key).lab.adaptive(0.8)
    assert engine.recall(key).lab.adaptive(0.8).adaptive.top


def test_other_errors_of_a_job_stay_what_they_are() -> None:
    turns = Turns()
    with pytest.raises(RuntimeError, match="a shape"), turns.turn():
        raise RuntimeError("a shape does not fit")
    with turns.turn():
        pass
