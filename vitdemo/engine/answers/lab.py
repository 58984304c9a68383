"""The pruning laboratory: what happens to one analysed picture when pruning is done differently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vitdemo import cost, render
from vitdemo.engine.answers.lab_records import Adaptive, Budget, SmallestSet, Surgery, Sweep
from vitdemo.engine.answers.ratios import begin_pass, run_pass
from vitdemo.engine.answers.share import line
from vitdemo.engine.answers.surgery import operate, search_set
from vitdemo.engine.answers.sweep import sweep
from vitdemo.engine.answers.tokens import Tokens
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.records import MAX_PRUNING_RATIO
from vitdemo.engine.core.setting import to_keep_ratio
from vitdemo.engine.core.subject import Subject
from vitdemo.engine.core.top import name_top
from vitdemo.message import Message
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import FixedRatio, Pruning, Threshold
from vitdemo.models.schedule import Schedule
from vitdemo.models.selectors import list_selectors, make_selector, make_threshold, takes_threshold
from vitdemo.weights import LoadedModel

SMALL = 64  # patches; the search for the smallest set is bounded tighter up to here
USUAL_RATIO = 0.3
SECONDS_SMALL, SECONDS_LARGE = 2.0, 20.0

Pixels = Float[Tensor, "1 ch hh ww"]


class Lab:
    """Experiments on one result.

    Those of `sweep`, `operate`, `smallest_set` and `adaptive` run the network, and raise ValueError, one
    sentence for the user, for bad options and for a network without a classification head; the others draw
    what is known.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._entry = subject.entry

    def sweep(self) -> Sweep:
        """Run the picture at pruning ratios from 0 to 90 %, by every selector at equal budget."""
        self._classifier()
        with self._subject.turn() as report:
            return sweep(self._subject, report=report)

    def operate(self, *, keep: Iterable[int] = (), drop: Iterable[int] = ()) -> Surgery:
        """Run the network with the patches `keep` forced through all stages and `drop` gone at the input."""
        loaded = self._classifier()
        with self._subject.turn():
            return operate(self._entry, loaded, self._subject.pixels, keep=keep, drop=drop)

    def smallest_set(self, *, share: float = 0.0, seconds: float | None = None) -> SmallestSet:
        """Run the network in search of a small set of patches that alone give the dense answer.

        It is 1-minimal, if time did not run out.
        `share`: how much of the answer's dense probability they must keep at least, 0 to 1. `seconds`:
        None = 2 for up to 64 patches, 20 for more.
        """
        loaded = self._classifier()
        limit = SECONDS_SMALL if self._entry.config.num_patches <= SMALL else SECONDS_LARGE
        with self._subject.turn() as report:
            return search_set(
                self._entry,
                loaded,
                self._subject.pixels,
                share=share,
                seconds=limit if seconds is None else seconds,
                report=report,
            )

    def adaptive(self, threshold: float) -> Adaptive:
        """Run a threshold on the scores, beside the fixed ratio of nearest cost; see `Threshold`."""
        loaded = self._classifier()
        with self._subject.turn():
            return adaptive(self._entry, loaded, self._subject.pixels, threshold)

    def usual_stages(self) -> str:
        """Return the network's own stages as text, at the ratio shown; of a dense result at 0.3."""
        loc = self._entry.config.prune_loc
        keep = round(1 - (self._entry.analysis.pruning_ratio or USUAL_RATIO), 4)
        return str(Schedule(loc, (keep,) * len(loc)))

    def kept_figure(self, kept: Iterable[int]) -> Image.Image:
        """Return the picture with these patches in full colour and the others faded."""
        return render.draw_kept(self._entry.analysis.view, sorted(kept), self._entry.config.grid)

    def view(self) -> Image.Image:
        """Return the crop that the model saw, at display size."""
        return render.enlarge_view(self._entry.analysis.view)

    def drop_stages(self) -> tuple[tuple[int, int], tuple[int, ...]]:
        """Return the patch grid, and the stage at which each patch was dropped, 0 where it stayed."""
        stages = render.stage_of_drop(self._entry.analysis.kept, self._entry.config.grid)
        return self._entry.config.grid, tuple(int(stage) for stage in stages.ravel())

    def film(self, address: str = "") -> Image.Image:
        """Return input and stages side by side, captioned; below the answer, and `address`."""
        return render.draw_film_strip(self._frames(), below=line(self._entry, address))

    def animation(self, address: str = "") -> bytes:
        """Return the same as a GIF that loops."""
        return render.encode_gif(self._frames(), below=line(self._entry, address))

    def _frames(self) -> list[tuple[str, Image.Image]]:
        return [(words, picture) for picture, words in Tokens(self._entry).kept_figures()]

    def _classifier(self) -> LoadedModel:
        """Return the network. Raise ValueError if it has no classes."""
        if not self._entry.config.num_classes:
            raise ValueError(Message("the laboratory needs a model with a classification head"))
        return self._subject.loaded


@dataclass(frozen=True)
class Rate:
    """A pruning ratio and what it costs."""

    pruning_ratio: float
    macs: int


@torch.no_grad()
def adaptive(entry: Entry, loaded: LoadedModel, pixels: Pixels, threshold: float) -> Adaptive:
    """Run the threshold, and the ratio, in whole percent, whose multiply-adds are nearest to what it used.

    Scores are the analysis' selector's where those have a mean to compare with, else the model's best.
    """
    config = loaded.spec.config
    chosen = entry.analysis.selector
    name = chosen if takes_threshold(chosen) else list_selectors(loaded.spec.config)[0]
    own = budget(loaded, pixels, name, make_threshold(name, threshold))
    percents = range(round(100 * MAX_PRUNING_RATIO) + 1)
    rates = [Rate(p / 100, cost.macs(config, keep_ratio=to_keep_ratio(p / 100))) for p in percents]
    nearest = min(rates, key=lambda rate: abs(rate.macs - own.macs))
    fixed = budget(loaded, pixels, name, FixedRatio(to_keep_ratio(nearest.pruning_ratio)))
    return Adaptive(name, threshold, own, nearest.pruning_ratio, fixed)


def budget(loaded: LoadedModel, pixels: Pixels, name: str, rule: Threshold | FixedRatio) -> Budget:
    """Run one pass under `rule`. The selector runs even where it then drops nothing, and is counted."""
    model: VisionTransformer = loaded.model
    selector = make_selector(name, model=model, pixels=pixels)
    logits, kept = run_pass(model, begin_pass(model, pixels), Pruning(selector, rule))
    tokens = tuple(ids.shape[1] for ids in kept)
    return Budget(
        tokens=tokens,
        kept=tuple(kept[-1][0].tolist()),
        macs=cost.macs(loaded.spec.config, tokens=tokens),
        top=name_top(logits[0], loaded),
    )
