"""What all results of an engine share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vitdemo.engine.core.cache import TraceCache
from vitdemo.engine.core.lru import Lru
from vitdemo.engine.core.pool import ModelPool
from vitdemo.engine.core.records import Timings

TIMINGS, ANSWERS = 256, 256  # that are kept at most


@dataclass(frozen=True, eq=False)
class Shared:
    """The models and the traces in memory.

    `timings`: of the dense and the pruned pass by model and setting. `answers`: of questions
    that run a network, by question, key of the result and class.
    """

    pool: ModelPool
    cache: TraceCache
    timings: Lru[tuple[str, ...], Timings] = field(default_factory=lambda: Lru(TIMINGS))
    answers: Lru[tuple[str, str, str], Any] = field(default_factory=lambda: Lru(ANSWERS))
