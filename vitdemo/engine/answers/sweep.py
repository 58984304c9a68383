"""The ratio sweep: one picture at every pruning ratio, by every selector at equal budget."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo import cost, timing
from vitdemo.engine.answers.lab_records import Sweep, SweepCurve, SweepPoint
from vitdemo.engine.answers.ratios import begin_pass, run_pass
from vitdemo.engine.answers.times import name_weights
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.setting import to_keep_ratio
from vitdemo.engine.core.subject import Subject
from vitdemo.message import Message, Progress
from vitdemo.models import VisionTransformer
from vitdemo.models.head import to_probabilities
from vitdemo.models.pruning import Begun, FixedRatio, Pruning, rank, token_counts
from vitdemo.models.selectors import Random, Together, list_selectors, make_selector
from vitdemo.timing import Timing
from vitdemo.weights import LoadedModel

RATIOS = tuple(step / 10 for step in range(10))
SEEDS = 5
SHOWN = 3  # of the dense classes; those that win at some ratio come on top
ROUNDS, SECONDS = (3, 5), 2.0  # samples of each pass, and what more than the fewest may take

Pixels = Float[Tensor, "1 ch hh ww"]
Runs = tuple[Float[Tensor, "runs c"], tuple[int, ...]]  # logits of each, patches that the first has left
Times = dict[str, tuple[Timing | None, ...]]  # of a selector, at each ratio


@torch.no_grad()
def sweep(subject: Subject, *, report: Progress) -> Sweep:
    """Run the picture pruned by 0, 10, ... 90 % at each stage, by all selectors at once.

    How long a pass takes is measured for the first picture of a network, and remembered.
    """
    loaded, pixels = subject.loaded, subject.pixels
    names = order_selectors(subject.entry, loaded)
    begun, runs = begin_pass(loaded.model, pixels), []
    for step, ratio in enumerate(RATIOS):
        report(step / (2 * len(RATIOS)), Message("Pruning by every ratio"))
        runs.append(run_selectors(loaded.model, begun, pixels, names, ratio))
    table = {name: stack_probabilities([found[name][0] for found in runs], loaded) for name in names}
    times = recall_times(subject, names)
    if times is None:
        listen = partial(report, 0.5, Message("Measuring"))
        times = time_selectors(loaded.model, pixels, names, listen=listen)
        keep_times(subject, times)
    classes, labels = choose_classes(table), loaded.classes
    curves = []
    for name, rows in table.items():
        kept = tuple(found[name][1] for found in runs)
        curves.append(make_curve(name, rows, classes=classes, labels=labels, kept=kept, times=times[name]))
    return Sweep(
        labels=tuple(labels[index] for index in classes),
        points=tuple(make_point(loaded, ratio) for ratio in RATIOS),
        curves=tuple(curves),
    )


def stack_probabilities(
    logits: Sequence[Float[Tensor, "_ c"]], loaded: LoadedModel
) -> Float[Tensor, "ratios runs c"]:
    """Return the probabilities of each run at each ratio; what ran once there counts for all its runs."""
    rows = [to_probabilities(row, loaded.spec.config) for row in logits]
    return torch.stack([row.expand(len(rows[-1]), -1) for row in rows])


def name_times(subject: Subject, name: str) -> tuple[str, ...]:
    """Return under which name the times of a selector are kept."""
    analysis = subject.entry.analysis
    return name_weights(analysis, subject.loaded), "sweep", name, str(analysis.input_size)


def recall_times(subject: Subject, names: Sequence[str]) -> Times | None:
    """Return what was measured for another picture; None where anything is missing."""
    known = {name: subject.shared.timings.find(name_times(subject, name)) for name in names}
    found = {name: times for name, times in known.items() if times is not None}
    return found if len(found) == len(names) else None


def keep_times(subject: Subject, times: Times) -> None:
    """Remember the times, of a selector where none is missing: the machine was too busy for such a one."""
    for name, found in times.items():
        if None not in found:
            subject.shared.timings.keep(name_times(subject, name), found)


def order_selectors(entry: Entry, loaded: LoadedModel) -> tuple[str, ...]:
    """Return the selectors, the analysis' own first."""
    known = list_selectors(loaded.spec.config)
    first = entry.analysis.selector or known[0]
    return (first, *(name for name in known if name != first))


def run_selectors(
    model: VisionTransformer, begun: Begun, pixels: Pixels, names: Sequence[str], ratio: float
) -> dict[str, Runs]:
    """Run the picture once by each selector, by "random" once a seed, in one batch: all keep equally many.

    At ratio 0 there is one dense pass for all of them.
    """
    prunings = {name: choose_pruning(model, pixels, name, ratio) for name in names}
    parts = [
        (pruning.selector, len(pruning.selector.seeds) if isinstance(pruning.selector, Random) else 1)
        for pruning in prunings.values()
        if pruning is not None and pruning.selector is not None
    ]
    if not parts:
        logits, kept = run_pass(model, begun, None)
        return dict.fromkeys(names, (logits, tuple(kept[-1][0].tolist())))
    counts = [rows for _, rows in parts]
    pruning = Pruning(Together(tuple(parts)), FixedRatio(to_keep_ratio(ratio)))
    logits, kept = run_pass(model, begun.repeat(sum(counts)), pruning)
    both = zip(names, logits.split(counts), kept[-1].split(counts), strict=True)
    return {name: (own, tuple(ids[0].tolist())) for name, own, ids in both}


def choose_pruning(model: VisionTransformer, pixels: Pixels, name: str, ratio: float) -> Pruning | None:
    """Return no pruning at ratio 0; "random" has a seed a run, the first one that of the analysis."""
    keep_ratio = to_keep_ratio(ratio)
    if keep_ratio == 1:
        return None
    selector = make_selector(name, model=model, pixels=pixels)
    if isinstance(selector, Random):
        seed = selector.seeds[0]
        selector = Random((seed, *(zlib.crc32(f"{seed}/{run}".encode()) for run in range(1, SEEDS))))
    return Pruning(selector, FixedRatio(keep_ratio))


def time_selectors(
    model: VisionTransformer,
    pixels: Pixels,
    names: tuple[str, ...],
    *,
    listen: Callable[[], object] = lambda: None,
) -> Times:
    """Return how long one pass by each selector takes at each ratio.

    All are measured in turn. At ratio 0 there is one dense pass for all selectors. `listen` is called
    before each pass, and may raise.
    """

    def call(pruning: Pruning | None) -> Tensor:
        return model(pixels, pruning=pruning).cpu()  # a GPU says that it is done before it is

    calls = [partial(call, None)]
    for ratio, name in product(RATIOS[1:], names):  # so that drift meets all selectors alike
        pruning = choose_pruning(model, pixels, name, ratio)
        if pruning is not None and isinstance(pruning.selector, Random):
            pruning = Pruning(Random(pruning.selector.seeds[:1]), pruning.rule)
        calls.append(partial(call, pruning))
    dense, *pruned = timing.measure(calls, seconds=SECONDS, rounds=ROUNDS, between=listen)
    return {name: (dense, *pruned[place :: len(names)]) for place, name in enumerate(names)}


def choose_classes(table: dict[str, Float[Tensor, "ratios runs classes"]]) -> list[int]:
    """Return the first classes of the dense pass, then those that the first selector's answer flips to."""
    first = next(iter(table.values())).mean(dim=1)
    dense = rank(first[0])[:SHOWN].tolist()
    return list(dict.fromkeys([*dense, *first.argmax(-1).tolist()]))


def make_point(loaded: LoadedModel, ratio: float) -> SweepPoint:
    """Return the budget at one ratio. At ratio 0 no predictor runs."""
    config, keep_ratio = loaded.spec.config, to_keep_ratio(ratio)
    stages = len(config.prune_loc) if keep_ratio < 1 else 0
    tokens = tuple(token_counts(config.num_patches, keep_ratio, stages))
    return SweepPoint(ratio, tokens, cost.macs(config, tokens=tokens))


def make_curve(
    name: str,
    rows: Float[Tensor, "ratios runs classes"],
    *,
    classes: list[int],
    labels: tuple[str, ...],
    kept: tuple[tuple[int, ...], ...],
    times: tuple[Timing | None, ...],
) -> SweepCurve:
    """Return one selector's curve, whose probabilities are means over the runs of each ratio."""
    mean = rows.mean(dim=1)
    dense = int(mean[0].argmax())
    return SweepCurve(
        selector=name,
        runs=rows.shape[1],
        probabilities=tuple(tuple(row) for row in mean[:, classes].tolist()),
        answers=tuple(labels[index] for index in mean.argmax(-1).tolist()),
        held=tuple((rows.argmax(-1) == dense).float().mean(-1).tolist()),
        kept=kept,
        times=times,
    )
