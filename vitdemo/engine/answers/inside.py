"""What may be asked about the inside of a network, one method a question."""

from __future__ import annotations

from PIL import Image

from vitdemo.engine.answers import anatomy
from vitdemo.engine.answers.ablation import Ablation, ablate
from vitdemo.engine.answers.anatomy import Filters, Heads, Norms, Pass
from vitdemo.engine.answers.card import Confidence, ModelCard, rank_confidence, read_card
from vitdemo.engine.answers.sanity import SanityChecks, check_sanity
from vitdemo.engine.answers.walk import walk
from vitdemo.engine.core.records import Step
from vitdemo.engine.core.subject import Subject

__all__ = ["Ablation", "Confidence", "Filters", "Heads", "Inside", "ModelCard", "Norms", "Pass",
           "SanityChecks"]  # fmt: skip


class Inside:
    """What one result shows of the inside of its network.

    Only `ablation` and `sanity` run the network; `filters`, `card` and `rank_confidence` load it if it is not
    in memory.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._entry = subject.entry

    def filters(self) -> Filters:
        """Return the principal components of the patch projection."""
        return anatomy.filters(self._subject.loaded.model)

    def positions_figure(self, position: int) -> Image.Image:
        """Return for each position the similarity of its embedding with all others; `position` is framed."""
        return anatomy.positions_figure(self._entry, position)

    def position_figure(self, position: int) -> Image.Image:
        """Return the same for one position, large."""
        return anatomy.position_figure(self._entry, position)

    def position_at(self, x: int, y: int) -> int | None:
        """Return the position whose map lies at a pixel of `positions_figure`; None on its colour bar."""
        return anatomy.charts.grids_at(x, y, self._entry.config.grid)

    def heads(self, which: Pass) -> Heads:
        """Return attention distance and entropy of every head; "dense" is all there is at pruning ratio 0."""
        return anatomy.heads(self._entry, which)

    def norms(self, which: Pass) -> Norms:
        """Return token norms after the last block, and which patches are artefacts."""
        return anatomy.norms(self._entry, which)

    def walk(self) -> list[Step]:
        """Return the picture's way through the network, step by step."""
        return walk(self._entry)

    def ablation(self, which: Pass) -> Ablation:
        """Run the network without each head in turn, for the change of the answer's logit."""
        return ablate(self._subject, which)

    def sanity(self) -> SanityChecks:
        """Run checks of this result, each with its number and its limit."""
        return check_sanity(self._subject)

    def card(self) -> ModelCard:
        """Return the model card of the weights that gave this result."""
        return read_card(self._subject.loaded)

    def rank_confidence(self) -> Confidence | None:
        """Return how sure this result is against the validation pictures; None where that is not known."""
        return rank_confidence(self._entry, self._subject.loaded)
