"""Two models, or one at two settings, on the same picture: one table of classes and one scale of colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from PIL import Image

from vitdemo import render
from vitdemo.engine.answers.attention import choose_method, find_gone
from vitdemo.engine.answers.sanity import rank_correlation
from vitdemo.engine.answers.times import measure_times
from vitdemo.engine.answers.tokens import draw_left
from vitdemo.engine.core.analyse import analyse
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.records import Analysis, Outcome, Request
from vitdemo.engine.core.shared import Shared
from vitdemo.engine.core.subject import Subject
from vitdemo.maps import Heatmap, explain
from vitdemo.message import Message, Progress
from vitdemo.models.head import to_probabilities
from vitdemo.registry import ModelSpec
from vitdemo.timing import Timing
from vitdemo.weights import LoadedModel

CONTRAST_RATIO = 0.3
FEWEST = 3  # patches: two are always in the same order or in the reverse one
Obstacle = Literal["", "grid", "crop", "few", "constant"]
"""Why two maps have no rank correlation: other grids of patches, other crops of the picture, fewer than three
patches that have a value in both, or a map that says the same of every patch. "" where they have one."""


@dataclass(frozen=True)
class Side:
    """What one setting makes of the picture.

    `outcome`, `time`: of the pass that gave the answer, the pruned one if any. `probabilities`: of each class
    of `Comparison.labels`, None for one that the model does not know. `grid`: rows and columns of patches.
    `heat_figure`: its map over its view, in the shared colours. `kept_figure`: what the last stage left of
    the view, all of it at ratio 0.
    """

    analysis: Analysis
    outcome: Outcome
    time: Timing | None
    probabilities: tuple[float | None, ...]
    grid: tuple[int, int]
    heat_figure: Image.Image
    kept_figure: Image.Image


@dataclass(frozen=True)
class Comparison:
    """Two sides of one picture.

    `labels`: the top classes of either side, the likeliest on any side first. `method`: its key in METHODS.
    `peak`: where the colours of both sides end, which begin at 0; beyond it lie outliers. Values are the
    method's times the number of patches of the grid, so that 1 is an even spread and grids of any fineness
    share a scale.
    `bar`: the colours with their numbers. `agreement`: Spearman's correlation of the two maps, -1 to 1, over
    the `patches` that have a value in both; None where `obstacle` says why.
    """

    a: Side
    b: Side
    labels: tuple[str, ...]
    method: str
    peak: float
    bar: Image.Image
    agreement: float | None
    patches: int
    obstacle: Obstacle


def compare(pair: tuple[Request, Request], shared: Shared, *, method: str, progress: Progress) -> Comparison:
    """Return both requests side by side. Run the network on those that are not in memory.

    `method` fuses the heads by their mean; where it looks at a single layer, that is the last one.

    Raise ValueError as `analyse`, and for requests of different pictures, a method that does not show
    attention, and a model without classes.
    """
    if pair[0].image != pair[1].image:
        raise ValueError(Message("both sides must be given the same picture"))
    choose_method(method)
    entries = [
        analyse(
            request,
            shared,
            progress=lambda share, text, done=index / 2: progress(done + share / 2, text),
        )
        for index, request in enumerate(pair)
    ]
    loaded = [shared.pool.get(entry.analysis.model) for entry in entries]
    labels = list_top_classes(entries)
    heats = [even_shares(explain(entry.pruned or entry.dense, method)) for entry in entries]
    scale = render.common_scale(heats, label="")
    a, b = (
        Side(
            analysis=entry.analysis,
            outcome=choose_outcome(entry),
            time=measure_times(Subject(entry, shared, progress=lambda _, text: progress(1.0, text)))[-1],
            probabilities=tuple(probability(entry, model, label) for label in labels),
            grid=entry.config.grid,
            heat_figure=draw_side(entry, heat, scale),
            kept_figure=find_last_kept(entry),
        )
        for entry, model, heat in zip(entries, loaded, heats, strict=True)
    )
    agreement, patches, obstacle = agree(entries, heats)
    bar = render.draw_colour_bar(scale, above=any((heat > scale.high).any() for heat in heats))
    return Comparison(a, b, labels, method, scale.high, bar, agreement, patches, obstacle)


def draw_side(entry: Entry, heat: Heatmap, scale: render.Scale) -> Image.Image:
    """Return the map of the pass that gave the answer over its view."""
    gone = find_gone(entry.pruned or entry.dense)
    return render.draw_overlay(entry.analysis.view, heat, scale=scale, gone=gone)


def contrast(request: Request, *, menu: Mapping[str, ModelSpec]) -> Request:
    """Return a request worth comparing with `request` that downloads nothing.

    Another bundled model for the same data set at the same ratio; where there is none the same model dense,
    or pruned by 30 % if it was dense.
    """
    spec = menu.get(request.model)
    for other in menu.values():
        if spec is None or other.key == spec.key or other.source != "bundled":
            continue
        if other.data.dataset == spec.data.dataset:
            return replace(request, model=other.key, selector="", stages="")
    pruned = request.pruning_ratio or request.stages
    return replace(request, pruning_ratio=0.0 if pruned else CONTRAST_RATIO, stages="")


def choose_outcome(entry: Entry) -> Outcome:
    """Return the outcome of the pass that gave the answer."""
    return entry.analysis.pruned or entry.analysis.dense


def list_top_classes(entries: list[Entry]) -> tuple[str, ...]:
    """Return the top classes of every entry, each once, by falling probability where it is likeliest."""
    best: dict[str, float] = {}
    for entry in entries:
        top = choose_outcome(entry).top
        if not top:
            raise ValueError(Message("{title} has no classes to compare", title=entry.analysis.title))
        for label, share in top:
            best[label] = max(share, best.get(label, 0.0))
    return tuple(sorted(best, key=lambda label: -best[label]))


def probability(entry: Entry, loaded: LoadedModel, label: str) -> float | None:
    """Return the probability of class `label`, the likelier of two with one name; None where none has it."""
    logits = (entry.pruned or entry.dense).logits
    assert logits is not None, "a model with top classes has logits"
    shares = zip(loaded.classes, to_probabilities(logits, entry.config).tolist(), strict=True)
    return max((share for name, share in shares if name == label), default=None)


def even_shares(heat: Heatmap) -> Heatmap:
    """Return each patch's share as multiples of an even share, so that a finer grid looks no darker."""
    return heat * heat.size


def find_last_kept(entry: Entry) -> Image.Image:
    return draw_left(entry, len(entry.analysis.kept))


def agree(entries: list[Entry], heats: list[np.ndarray]) -> tuple[float | None, int, Obstacle]:
    """Return `agreement`, `patches` and `obstacle` of a Comparison."""
    a, b = entries
    if a.config.grid != b.config.grid:
        return None, 0, "grid"
    if (a.data.crop_pct, a.data.crop_mode) != (b.data.crop_pct, b.data.crop_mode):
        return None, 0, "crop"
    values = np.stack([heat.ravel() for heat in heats])
    values = values[:, ~np.isnan(values).any(0)]
    count = values.shape[1]
    if count < FEWEST:
        return None, count, "few"
    if (values == values[:, :1]).all(1).any():
        return None, count, "constant"
    return rank_correlation(values[0], values[1]), count, ""
