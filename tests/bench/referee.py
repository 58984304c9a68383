"""The referee and the ratio sweep, which run a network hundreds of times, against one pass at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import torch

from tests.bench.race import OURS, Row, Setting, compare, race
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine, Request, Result
from vitdemo.engine.answers.sweep import RATIOS, SEEDS
from vitdemo.engine.answers.trust import RANDOM, all_orders
from vitdemo.examples import example_paths
from vitdemo.faithfulness import random_orders
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning
from vitdemo.models.selectors import list_selectors, make_selector

REFEREE, SWEEP = "referee, all methods", "ratio sweep, all selectors"
ONE_BY_ONE = "one forward at a time"
BARS = {ONE_BY_ONE: 1 / 4}
EACH = 8  # of so many patch sets one runs alone: all of them would take minutes
NETWORKS = {"vit_cifar10": "ship", "dynamicvit_photo": "chelsea"}
TINY = {"dynamicvit_cifar10": "ship"}


def measure(setting: Setting) -> Iterator[Row]:
    """Measure bundled networks on an example each."""
    with tempfile.TemporaryDirectory() as folder:
        small = write_small_models(Path(folder)) if setting.tiny else None
        engine = Engine(device="cpu", models_dir=small)
        for model, picture in (TINY if setting.tiny else NETWORKS).items():
            result = engine.open(Request(example_paths()[picture], model, 0.3))
            yield from measure_referee(result, model, setting)
            yield from measure_sweep(result, model, setting)


def measure_referee(result: Result, model: str, setting: Setting) -> Iterator[Row]:
    """Measure `Result.trust`, and the same patch sets one by one."""
    judged = result.trust()
    sets = list_sets(result, judged.kept)
    chosen = sets[::EACH]
    calls = {OURS: forget_first(result, result.trust), ONE_BY_ONE: lambda: run_sets(result, chosen)}
    times = race(calls, setting)
    times[ONE_BY_ONE] = [took * len(sets) / len(chosen) for took in times[ONE_BY_ONE]]
    note = f"alone runs one of {EACH} sets"
    yield from compare(REFEREE, model, times, bars=BARS, note=note)


def forget_first(result: Result, ask: Callable[[], object]) -> Callable[[], object]:
    """Return `ask` as if nobody had asked before."""

    def call() -> object:
        result._subject.shared.answers.forget(0)
        return ask()

    return call


def list_sets(result: Result, counts: tuple[int, ...]) -> list[torch.Tensor]:
    """Return the patches that are left at each count, in every order and its reverse."""
    subject = result._subject
    target = subject.loaded.classes.index(result.analysis.dense.top[0][0])
    maps = all_orders(subject.loaded.model, subject.pixels, target)
    chance = random_orders(subject.entry.config.num_patches, count=RANDOM, seed=0)
    orders = np.concatenate([np.atleast_2d(order) for order in (*maps.values(), *chance)])
    both = np.concatenate([orders, orders[:, ::-1]])
    return [torch.from_numpy(np.sort(order[:count])) for count in counts for order in both]


@torch.inference_mode()
def run_sets(result: Result, sets: list[torch.Tensor]) -> None:
    model, pixels = result._subject.loaded.model, result._subject.pixels
    for ids in sets:
        model(pixels, pruning=Pruning(None, Explicit((ids,)))).softmax(-1)


def measure_sweep(result: Result, model: str, setting: Setting) -> Iterator[Row]:
    """Measure `Lab.sweep` where the times of the passes are known, and its passes one by one."""
    calls = {OURS: forget_first(result, result.lab.sweep), ONE_BY_ONE: lambda: run_sweep(result)}
    yield from compare(SWEEP, model, race(calls, setting), bars=BARS)


@torch.inference_mode()
def run_sweep(result: Result) -> None:
    """Run the picture by every selector at every ratio, the random one with so many seeds."""
    model, pixels = result._subject.loaded.model, result._subject.pixels
    for name, ratio in product(list_selectors(model.config), RATIOS):
        for _ in range(SEEDS if name == "random" and ratio else 1):
            chosen = make_selector(name, model=model, pixels=pixels)
            model(pixels, pruning=Pruning(chosen, FixedRatio(1 - ratio)) if ratio else None).softmax(-1)
