"""The analysed picture that a question is about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor

from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.shared import Shared
from vitdemo.engine.core.sizes import resize_spec
from vitdemo.message import Progress
from vitdemo.weights import LoadedModel

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Subject:
    """An analysed picture, and what a question about it needs besides.

    `progress`: told how far whatever takes time is.
    """

    entry: Entry
    shared: Shared
    progress: Progress

    @cached_property
    def loaded(self) -> LoadedModel:
        """Return the network that made the traces, with its classes; loaded unless it is in memory."""
        pool, size = self.shared.pool, self.entry.config.img_size
        loaded = pool.get(self.entry.analysis.model, progress=self.progress)
        return pool.fit(loaded, resize_spec(loaded.spec, size))

    @property
    def pixels(self) -> Float[Tensor, "1 ch hh ww"]:
        """Return the network's input, on its device."""
        return self.entry.pixels.to(self.shared.pool.device)

    def turn(self) -> AbstractContextManager[Progress]:
        """Wait for the turn to run a network, and hold it."""
        return self.shared.pool.compute.turn(self.progress)

    def remember(self, question: str, label: str, answer: Callable[[], T]) -> T:
        """Return `answer()` to `question` about class `label`, or what it was when it was asked before."""
        place = (question, self.entry.analysis.key, label)
        known = self.shared.answers.find(place)
        if known is None:
            known = answer()
            self.shared.answers.keep(place, known)
        return known
