"""The pruning laboratory: what happens to one analysed picture when pruning is done differently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vitdemo import cost, render
from vitdemo.engine.answers import pictures
from vitdemo.engine.answers.lab_records import Adaptive, Budget, SmallestSet, Surgery, Sweep
from vitdemo.engine.answers.surgery import TOP, named, operate, smallest_set
from vitdemo.engine.answers.sweep import sweep
from vitdemo.engine.core.cache import Entry, TraceCache
from vitdemo.engine.core.pool import ModelPool, keep_ratio_of, selectors_for
from vitdemo.engine.core.records import MAX_PRUNING_RATIO, Progress
from vitdemo.models import VisionTransformer
from vitdemo.models.head import chances
from vitdemo.models.pruning import FixedRatio, Pruning, Threshold, ranked
from vitdemo.models.selectors import make_selector, takes_threshold, threshold_for
from vitdemo.trace import Recorder
from vitdemo.weights import LoadedModel

Captioned = list[tuple[Image.Image, str]]
SMALL = 64  # patches; the search for the smallest set is bounded tighter up to here
SECONDS_SMALL, SECONDS_LARGE = 2.0, 20.0

Pixels = Float[Tensor, "1 ch hh ww"]


class Lab:
    """Experiments on the result behind a key; safe to share between threads.

    Methods that name a key raise `Expired` when it is no longer in memory, and ValueError, one sentence for
    the user, for bad options and for a network without a classification head. All but the films run the
    network.
    """

    def __init__(self, pool: ModelPool, cache: TraceCache) -> None:
        self._pool = pool
        self._cache = cache

    def sweep(self, key: str, *, progress: Progress | None = None) -> Sweep:
        """The picture at pruning ratios from 0 to 90 %, by every selector at equal budget."""
        entry, loaded, pixels = self._open(key, progress)
        with self._pool.compute.turn(progress) as report:
            return sweep(entry, loaded, pixels, report=report)

    def operate(
        self,
        key: str,
        *,
        keep: Iterable[int] = (),
        drop: Iterable[int] = (),
        progress: Progress | None = None,
    ) -> Surgery:
        """The answer with the patches `keep` forced through all stages and `drop` gone at the input."""
        entry, loaded, pixels = self._open(key, progress)
        with self._pool.compute.turn(progress):
            return operate(entry, loaded, pixels, keep=keep, drop=drop)

    def smallest_set(
        self,
        key: str,
        *,
        share: float = 0.0,
        seconds: float | None = None,
        progress: Progress | None = None,
    ) -> SmallestSet:
        """A small set of patches that alone give the dense answer: 1-minimal, if time did not run out.

        `share`: how much of the answer's dense probability they must keep at least, 0 to 1. `seconds`:
        None = 2 for up to 64 patches, 20 for more.
        """
        entry, loaded, pixels = self._open(key, progress)
        limit = SECONDS_SMALL if entry.config.num_patches <= SMALL else SECONDS_LARGE
        with self._pool.compute.turn(progress) as report:
            return smallest_set(
                entry,
                loaded,
                pixels,
                share=share,
                seconds=limit if seconds is None else seconds,
                report=report,
            )

    def adaptive(self, key: str, threshold: float, *, progress: Progress | None = None) -> Adaptive:
        """A threshold on the scores, beside the fixed ratio of nearest cost; see `Threshold`."""
        entry, loaded, pixels = self._open(key, progress)
        with self._pool.compute.turn(progress):
            return adaptive(entry, loaded, pixels, threshold)

    def kept_figure(self, key: str, kept: Iterable[int]) -> Image.Image:
        """The picture with these patches in full colour and the others faded; no network runs."""
        entry = self._cache.get(key)
        return render.kept_patches(entry.analysis.view, sorted(kept), entry.config.grid)

    def view(self, key: str) -> Image.Image:
        """The crop that the model saw, at display size."""
        return render.display_view(self._cache.get(key).analysis.view)

    def drop_stages(self, key: str) -> tuple[tuple[int, int], tuple[int, ...]]:
        """The patch grid, and the stage at which the analysis dropped each patch, 0 where it stayed."""
        entry = self._cache.get(key)
        stages = render.stage_of_drop(entry.analysis.kept, entry.config.grid)
        return entry.config.grid, tuple(int(stage) for stage in stages.ravel())

    def film(self, key: str) -> Image.Image:
        """Input and stages side by side, captioned; no network runs."""
        return render.film_strip(self._frames(key))

    def animation(self, key: str) -> bytes:
        """The same as a GIF that loops; no network runs."""
        return render.animated_gif(self._frames(key))

    def _frames(self, key: str) -> list[tuple[str, Image.Image]]:
        return [(words, picture) for picture, words in pictures.kept_figures(self._cache.get(key))]

    def _open(self, key: str, progress: Progress | None) -> tuple[Entry, LoadedModel, Pixels]:
        entry = self._cache.get(key)
        if not entry.config.num_classes:
            raise ValueError("the laboratory needs a model with a classification head")
        loaded = self._pool.get(entry.analysis.model, progress=progress)
        return entry, loaded, entry.pixels.to(self._pool.device)


@dataclass(frozen=True)
class Rate:
    """A pruning ratio and what it costs."""

    pruning_ratio: float
    macs: int


@torch.no_grad()
def adaptive(entry: Entry, loaded: LoadedModel, pixels: Pixels, threshold: float) -> Adaptive:
    """The threshold's budget, and that of the ratio, in whole percent, whose multiply-adds are nearest.

    Scores are the analysis' selector's where those have a mean to compare with, else the model's best.
    """
    config = loaded.spec.config
    chosen = entry.analysis.selector
    name = chosen if takes_threshold(chosen) else selectors_for(loaded.spec)[0]
    own = budget(loaded, pixels, name, threshold_for(name, threshold))
    percents = range(round(100 * MAX_PRUNING_RATIO) + 1)
    rates = [Rate(p / 100, cost.macs(config, keep_ratio=keep_ratio_of(p / 100))) for p in percents]
    nearest = min(rates, key=lambda rate: abs(rate.macs - own.macs))
    fixed = budget(loaded, pixels, name, FixedRatio(keep_ratio_of(nearest.pruning_ratio)))
    return Adaptive(name, threshold, own, nearest.pruning_ratio, fixed)


def budget(loaded: LoadedModel, pixels: Pixels, name: str, rule: Threshold | FixedRatio) -> Budget:
    """One pass under `rule`. The selector runs even where it then drops nothing, and is counted."""
    model: VisionTransformer = loaded.model
    recorder = Recorder(attention=False)
    selector = make_selector(name, model=model, pixels=pixels)
    logits = model(pixels, pruning=Pruning(selector, rule), recorder=recorder)[0].float().cpu()
    prefix = model.config.num_prefix_tokens
    places = [*recorder.stages, len(recorder.token_ids) - 1]
    kept = [recorder.token_ids[place][0, prefix:] - prefix for place in places]
    tokens = (model.config.num_patches, *(len(ids) for ids in kept[:-1]))
    return Budget(
        tokens=tokens,
        kept=tuple(kept[-1].tolist()),
        macs=cost.macs(loaded.spec.config, tokens=tokens),
        top=named(chances(logits, model.config), loaded, ranked(logits)[:TOP].tolist()),
    )
