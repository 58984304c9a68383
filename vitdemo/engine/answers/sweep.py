"""The ratio sweep: one picture at every pruning ratio, by every selector at equal budget."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo import cost, timing
from vitdemo.engine.answers.lab_records import Sweep, SweepCurve, SweepPoint
from vitdemo.engine.answers.ratios import run_pass
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.setting import to_keep_ratio
from vitdemo.message import Message, Progress
from vitdemo.models import VisionTransformer
from vitdemo.models.head import to_probabilities
from vitdemo.models.pruning import FixedRatio, Pruning, rank, token_counts
from vitdemo.models.selectors import SELECTORS, Random, list_selectors, make_selector
from vitdemo.timing import Timing
from vitdemo.weights import LoadedModel

RATIOS = tuple(step / 10 for step in range(10))
SEEDS = 5
SHOWN = 3  # of the dense classes; those that win at some ratio come on top
ROUNDS, SECONDS = (3, 5), 2.0  # samples of each pass, and what more than the fewest may take

Pixels = Float[Tensor, "1 ch hh ww"]


@torch.no_grad()
def sweep(entry: Entry, loaded: LoadedModel, pixels: Pixels, *, report: Progress) -> Sweep:
    """Run `entry`'s picture pruned by 0, 10, ... 90 % at each stage."""
    model = loaded.model
    names = order_selectors(entry, loaded)
    table: dict[str, Float[Tensor, "ratios runs classes"]] = {}
    kept: dict[str, tuple[tuple[int, ...], ...]] = {}
    for number, name in enumerate(names):
        runs = []
        for step, ratio in enumerate(RATIOS):
            said = Message("Pruning by {selector}", selector=SELECTORS[name].title)
            report((number + step / len(RATIOS)) / (len(names) + 1), said)
            runs.append(run_seeds(model, pixels, name, ratio))
        rows = [to_probabilities(logits, model.config) for logits, _ in runs]
        table[name] = torch.stack([row.expand(len(rows[-1]), -1) for row in rows])
        kept[name] = tuple(ids for _, ids in runs)
    measuring = partial(report, len(names) / (len(names) + 1), Message("Measuring"))
    times = time_selectors(model, pixels, names, listen=measuring)
    classes, labels = choose_classes(table), loaded.classes
    curves = [
        make_curve(name, rows, classes=classes, labels=labels, kept=kept[name], times=times[name])
        for name, rows in table.items()
    ]
    return Sweep(
        labels=tuple(labels[index] for index in classes),
        points=tuple(make_point(loaded, ratio) for ratio in RATIOS),
        curves=tuple(curves),
    )


def order_selectors(entry: Entry, loaded: LoadedModel) -> tuple[str, ...]:
    """Return the selectors, the analysis' own first."""
    known = list_selectors(loaded.spec.config)
    first = entry.analysis.selector or known[0]
    return (first, *(name for name in known if name != first))


def run_seeds(
    model: VisionTransformer, pixels: Pixels, name: str, ratio: float
) -> tuple[Float[Tensor, "runs c"], tuple[int, ...]]:
    """Run the picture once, or by "random" once a seed.

    Return the logits of each run and the patches that the first one has left.
    """
    pruning = choose_pruning(model, pixels, name, ratio)
    runs = SEEDS if pruning is not None and name == "random" else 1
    logits, kept = run_pass(model, pixels.expand(runs, -1, -1, -1), pruning)
    return logits, tuple(kept[-1].tolist())


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
) -> dict[str, tuple[Timing | None, ...]]:
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
