"""Which patches each stage kept, when the others left, and by what score; no network runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from vitdemo import render
from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.records import Captioned
from vitdemo.maps import explain
from vitdemo.message import Message
from vitdemo.models.selectors import SELECTORS


@dataclass(frozen=True)
class Tokens:
    """What became of the patches of one result; pictures alone, no network runs."""

    entry: Entry

    def kept_figures(self) -> Captioned:
        """Return the view, then what each stage of the pruned pass left of it."""
        count = self.entry.config.num_patches
        figures: Captioned = [(draw_left(self.entry, 0), Message("Input: {count} patches", count=count))]
        for stage, ids in enumerate(self.entry.analysis.kept, start=1):
            words = Message(
                "Stage {stage}: {kept} of {count} patches", stage=stage, kept=len(ids), count=count
            )
            if self.entry.analysis.merges:
                words = Message(
                    "Stage {stage}: {count} patches in {kept} tokens", stage=stage, kept=len(ids), count=count
                )
            figures.append((draw_left(self.entry, stage), words))
        return figures

    def film_strip(self) -> Image.Image:
        """Return the pictures of `kept_figures` side by side, with their captions."""
        return render.draw_film_strip([(words, picture) for picture, words in self.kept_figures()])

    def lifetime_figure(self) -> Image.Image:
        """Return the stage at which each patch left, over the view, with a legend of token counts."""
        analysis = self.entry.analysis
        stages = render.stage_of_drop(analysis.kept, self.entry.config.grid)
        options = {"stages": len(analysis.kept), "merges": analysis.merges}
        return render.draw_lifetimes(analysis.view, stages, **options)

    def score_figures(self) -> Captioned:
        """Return the selector's scores at each stage under one scale; empty where none was asked.

        Training may leave the level of logarithmic scores free. They are shown as weights, 1 = the mean of
        the patches present, which is also what an adaptive budget compares.
        """
        analysis, pruned = self.entry.analysis, self.entry.pruned
        if pruned is None or not pruned.scores:
            return []
        heats = [explain(pruned, "keep-score", stage=stage) for stage in range(len(pruned.scores))]
        selector = SELECTORS[analysis.selector]
        if selector.log_scores:
            weights = [np.exp(heat) for heat in heats]
            heats = [weight / np.nanmean(weight) for weight in weights]
        low = 0.0 if all(np.nanmin(heat) >= 0 for heat in heats) else None
        label = selector.score_label
        scale = render.common_scale(heats, label=label, low=low)
        return [
            (
                render.draw_heat(analysis.view, heat, scale=scale),
                Message("Stage {stage}: {score}", stage=stage, score=label),
            )
            for stage, heat in enumerate(heats, start=1)
        ]


def draw_left(entry: Entry, stage: int) -> Image.Image:
    """Return the view as `stage` left it, 0 = whole: patches in full colour, or tokens and their parts."""
    analysis, trace = entry.analysis, entry.pruned
    if not stage:
        return render.enlarge_view(analysis.view)
    assert trace is not None, "a stage has left something"
    if not analysis.merges:
        return render.draw_kept(analysis.view, analysis.kept[stage - 1], entry.config.grid)
    holders = trace.holders(trace.prune_loc[stage - 1])[trace.num_prefix_tokens :]
    return render.draw_groups(analysis.view, holders.reshape(trace.grid).numpy())
