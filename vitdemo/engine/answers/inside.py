"""What a page may ask about a model's inside: one method a question, over the engine's models and results."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from vitdemo.engine.answers import anatomy
from vitdemo.engine.answers.ablation import Ablation, ablation
from vitdemo.engine.answers.anatomy import Filters, Heads, Norms, Pass
from vitdemo.engine.answers.card import Familiarity, ModelCard, familiarity, model_card
from vitdemo.engine.answers.sanity import SanityReport, sanity
from vitdemo.engine.answers.speed import SpeedCard, speed
from vitdemo.engine.core.cache import TraceCache
from vitdemo.engine.core.pool import ModelPool
from vitdemo.engine.core.records import Progress

__all__ = ["Ablation", "Familiarity", "Filters", "Heads", "Inside", "ModelCard", "Norms", "Pass",
           "SanityReport", "SpeedCard"]  # fmt: skip


class Inside:
    """As the engine: what takes a key raises `Expired` when that result is gone, and ValueError has one
    sentence for the user. Only `ablation`, `sanity` and `speed` run a network."""

    def __init__(self, pool: ModelPool, cache: TraceCache, *, models_dir: Path | None) -> None:
        self._pool, self._cache, self._models_dir = pool, cache, models_dir

    def filters(self, key: str) -> Filters:
        """The principal components of the patch projection."""
        return anatomy.filters(self._pool.get(self._cache.get(key).analysis.model).model)

    def positions_figure(self, key: str, position: int) -> Image.Image:
        """For each position the similarity of its embedding with all others; `position` is framed."""
        return anatomy.positions_figure(self._cache.get(key), position)

    def position_figure(self, key: str, position: int) -> Image.Image:
        """The same for one position, large."""
        return anatomy.position_figure(self._cache.get(key), position)

    def position_at(self, key: str, x: int, y: int) -> int | None:
        """The position whose map lies at a pixel of `positions_figure`; None on its colour bar."""
        return anatomy.charts.grids_at(x, y, self._cache.get(key).config.grid)

    def heads(self, key: str, which: Pass) -> Heads:
        """Attention distance and entropy of every head; "dense" is all there is at pruning ratio 0."""
        return anatomy.heads(self._cache.get(key), which)

    def norms(self, key: str, which: Pass) -> Norms:
        """Token norms after the last block, and which patches are artefacts."""
        return anatomy.norms(self._cache.get(key), which)

    def ablation(self, key: str, which: Pass, *, progress: Progress) -> Ablation:
        """The answer's logit without each head in turn."""
        return ablation(self._cache.get(key), which, pool=self._pool, progress=progress)

    def sanity(self, key: str, *, progress: Progress) -> SanityReport:
        """Checks of this result, each with its number and its limit."""
        return sanity(self._cache.get(key), pool=self._pool, progress=progress)

    def speed(self, model: str, pruning_ratio: float, *, progress: Progress) -> SpeedCard:
        """Measured times of a model's variants, and from how many tokens on they pay; up to 20 seconds."""
        return speed(model, pruning_ratio=pruning_ratio, pool=self._pool, progress=progress)

    def card(self, key: str) -> ModelCard:
        """The model card of the weights that gave this result."""
        name = self._cache.get(key).analysis.model
        return model_card(name, self._pool.get(name), models_dir=self._models_dir)

    def familiarity(self, key: str) -> Familiarity | None:
        """How sure this result is against the model's validation pictures; None where that is not known."""
        entry = self._cache.get(key)
        return familiarity(entry, self._pool.get(entry.analysis.model), models_dir=self._models_dir)
