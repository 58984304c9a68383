"""Which patches each stage kept, when the others left, and by what score; no network runs."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vitdemo import render
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.records import Captioned
from vitdemo.engine.core.subject import Subject
from vitdemo.explain import explain
from vitdemo.message import Message
from vitdemo.models.selectors import SELECTORS


class Tokens:
    """What became of the patches of one result; pictures alone, no network runs."""

    def __init__(self, subject: Subject) -> None:
        self._entry = subject.entry

    def kept_figures(self) -> Captioned:
        """Return the input and the patches kept after each stage."""
        return kept_figures(self._entry)

    def lifetime_figure(self) -> Image.Image:
        """Return the stage at which each patch was dropped, with a legend."""
        return lifetime_figure(self._entry)

    def score_figures(self) -> Captioned:
        """Return the selector's scores a stage, under one scale; empty at ratio 0."""
        return score_figures(self._entry)


def kept_figures(entry: Entry) -> Captioned:
    """Return the view, then what each stage of the pruned pass left of it."""
    count, view = entry.config.num_patches, entry.analysis.view
    figures: Captioned = [(render.enlarge_view(view), Message("Input: {count} patches", count=count))]
    for stage, ids in enumerate(entry.analysis.kept, start=1):
        picture = render.draw_kept(view, ids, entry.config.grid)
        figures.append(
            (
                picture,
                Message("Stage {stage}: {kept} of {count} patches", stage=stage, kept=len(ids), count=count),
            )
        )
    return figures


def lifetime_figure(entry: Entry) -> Image.Image:
    """Return the stage at which each patch was dropped, over the view, with a legend of token counts."""
    kept = entry.analysis.kept
    stages = render.stage_of_drop(kept, entry.config.grid)
    return render.draw_lifetimes(entry.analysis.view, stages, stages=len(kept))


def score_figures(entry: Entry) -> Captioned:
    """Return the selector's scores at each stage under one scale; empty where nothing was pruned.

    Training may leave the level of logarithmic scores free. They are shown as weights, 1 = the mean of the
    patches present, which is also what an adaptive budget compares.
    """
    if entry.pruned is None:
        return []
    heats = [explain(entry.pruned, "keep-score", stage=stage) for stage in range(len(entry.pruned.scores))]
    selector = SELECTORS[entry.analysis.selector]
    if selector.log_scores:
        weights = [np.exp(heat) for heat in heats]
        heats = [weight / np.nanmean(weight) for weight in weights]
    low = 0.0 if all(np.nanmin(heat) >= 0 for heat in heats) else None
    label = selector.score_label
    scale = render.share_scale(heats, label=label, low=low)
    return [
        (
            render.draw_heat(entry.analysis.view, heat, scale=scale),
            Message("Stage {stage}: {score}", stage=stage, score=label),
        )
        for stage, heat in enumerate(heats, start=1)
    ]
