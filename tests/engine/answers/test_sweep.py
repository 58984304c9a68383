"""The ratio sweep against the bare network, and whose times are whose."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.bundle import LAB_MODEL as MODEL
from tests.engine.bundle import Net, draw_picture
from vitdemo import cost, timing
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Request, Result
from vitdemo.engine.answers import sweep
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import SELECTORS, Learned, Random, make_selector
from vitdemo.recording import record
from vitdemo.registry import MODELS
from vitdemo.timing import Timing


@pytest.fixture(scope="module")
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)


@torch.no_grad()
def test_a_sweep_is_one_forward_a_ratio(engine: Engine, result: Result, net: Net) -> None:
    model, pixels = net
    steps: list[float] = []
    told_to = engine.recall(result.key, progress=lambda share, text: steps.append(share))
    sweep = told_to.lab.sweep()
    assert steps == sorted(steps)
    assert [curve.selector for curve in sweep.curves] == list(SELECTORS)
    assert [curve.runs for curve in sweep.curves] == [5 if name == "random" else 1 for name in SELECTORS]
    assert [point.pruning_ratio for point in sweep.points] == pytest.approx([i / 10 for i in range(10)])
    assert sweep.labels[0] == result.analysis.dense.top[0][0]
    columns = [CIFAR10_CLASSES.index(label) for label in sweep.labels]
    for curve in sweep.curves:
        if curve.selector == "random":
            continue
        selector = make_selector(curve.selector, model=model, pixels=pixels)
        for index in range(10):
            pruning = Pruning(selector, FixedRatio(round(1 - index / 10, 1))) if index else None
            trace = record(model, pixels, pruning=pruning)
            assert trace.logits is not None
            wanted = trace.logits.softmax(-1)
            assert curve.kept[index] == tuple(trace.patch_ids(-1).tolist())
            assert curve.probabilities[index] == pytest.approx(wanted[columns].tolist(), abs=1e-5)
            assert curve.answers[index] == CIFAR10_CLASSES[int(wanted.argmax())]
            assert curve.held[index] == float(curve.answers[index] == sweep.labels[0])
        flips = [index for index in range(10) if curve.answers[index] != curve.answers[0]]
        assert curve.flip == (flips[0] if flips else None)
    point = sweep.points[3]
    assert point.tokens == (64, 44, 31, 21)
    assert sweep.curves[0].kept[3] == result.analysis.kept[-1]
    assert point.macs == cost.macs(MODELS[MODEL].config, keep_ratio=0.7)
    assert sweep.points[0].macs == cost.macs(MODELS[MODEL].config)
    assert all(a.macs > b.macs for a, b in pairwise(sweep.points))
    first = sweep.curves[0]
    for curve in sweep.curves:
        assert [len(ids) for ids in curve.kept] == [point.tokens[-1] for point in sweep.points]
        assert [time and time.n for time in curve.times] == [1] * 10
        assert curve.times[0] == first.times[0], "there is one dense pass"


@torch.no_grad()
def test_times_belong_to_their_selector_and_ratio(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call that is timed runs once here; its time is made to be a number that tells which one it is."""
    model, pixels = net
    seen: list[tuple[object, int]] = []

    def told(calls: list[Callable[[], Tensor]], *, rounds: Any, **_: Any) -> list[Timing | None]:
        assert rounds == sweep.ROUNDS
        for call in calls:
            pruning = call.args[0]  # type: ignore[attr-defined]
            assert len(call()) == 1, "a single picture"
            seen.append(
                (pruning and type(pruning.selector), pruning and round(10 - 10 * pruning.rule.keep_ratio))
            )
        return [Timing(index, index, index, 3) for index in range(len(calls))]

    monkeypatch.setattr(timing, "measure", told)
    found = sweep.time_selectors(model, pixels, ("random", "learned"))
    times = {name: tuple(time and time.milliseconds for time in own) for name, own in found.items()}
    assert seen == [(None, None), *((kind, step) for step in range(1, 10) for kind in (Random, Learned))]
    assert times == {"random": (0, *range(1, 19, 2)), "learned": tuple(range(0, 19, 2))}


def test_random_is_the_mean_of_several_seeds_the_first_that_of_the_page(engine: Engine) -> None:
    one = engine.open(Request(draw_picture(), MODEL, 0.6, "random"))
    sweep = one.lab.sweep()
    assert sweep.curves[0].selector == "random"
    assert sweep.curves[0].kept[6] == one.analysis.kept[-1]
    for share in sweep.curves[0].held:
        assert 5 * share == pytest.approx(round(5 * share), abs=1e-5)
    assert sweep.curves[0].held[0] == 1
