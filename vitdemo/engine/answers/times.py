"""How long the passes of a result take, measured once a model and setting."""

from __future__ import annotations

from functools import partial

import torch

from vitdemo import timing
from vitdemo.engine.core.records import Analysis, Timings
from vitdemo.engine.core.setting import find_setting, make_pruning, name_setting
from vitdemo.engine.core.shared import Shared
from vitdemo.engine.core.subject import Subject
from vitdemo.message import Message, Progress
from vitdemo.weights import LoadedModel

ROUNDS, SECONDS = (5, 9), 0.25  # samples of each pass, and what more than the fewest may take


def measure_times(subject: Subject) -> Timings:
    """Return what is known of the passes' times, or else run them.

    Nothing is recorded meanwhile. A machine that is too busy is not remembered: the next call tries again.
    One that runs or awaits the work of others is too busy, and nothing is run: each request would hold it
    for half a second, and measure nothing, just when many come.
    """
    loaded, shared = subject.loaded, subject.shared
    analysis = subject.entry.analysis
    place = name_place(analysis, loaded)
    known = shared.timings.find(place)
    if known is not None:
        return known
    if shared.pool.compute.is_taken():
        return (None,) if analysis.pruned is None else (None, None)
    with subject.turn() as report:
        found = run_passes(subject, loaded, report=report)
    if None not in found:
        shared.timings.keep(place, found)
    return found


def find_times(analysis: Analysis, shared: Shared) -> Timings | None:
    """Return what is known of the passes' times; run and load nothing."""
    loaded = shared.pool.find(analysis.model)
    return loaded and shared.timings.find(name_place(analysis, loaded))


@torch.no_grad()
def run_passes(subject: Subject, loaded: LoadedModel, *, report: Progress) -> Timings:
    """Measure a dense pass and, where something is pruned, a pruned one.

    Logits are fetched to the CPU, because a GPU says that it is done before it is.
    """
    model, pixels = loaded.model, subject.pixels
    calls = [lambda: model(pixels).cpu()]
    pruning = make_pruning(find_setting(subject.entry.analysis, loaded), model, pixels)
    if pruning is not None:
        calls.append(lambda: model(pixels, pruning=pruning).cpu())
    listen = partial(report, 0.5, Message("Measuring"))
    return tuple(timing.measure(calls, seconds=SECONDS, rounds=ROUNDS, between=listen))


def name_weights(analysis: Analysis, loaded: LoadedModel) -> str:
    """Return which weights made a result."""
    return name_setting(analysis.model, find_setting(analysis, loaded), loaded)[0]


def name_place(analysis: Analysis, loaded: LoadedModel) -> tuple[str, ...]:
    """Return under which name the times are kept."""
    return *name_setting(analysis.model, find_setting(analysis, loaded), loaded), str(analysis.input_size)
