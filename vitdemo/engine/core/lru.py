"""A bounded memory: what was least recently used goes first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass
class _Kept(Generic[V]):
    value: V
    weight: float
    used: float  # seconds of the monotonic clock


class Lru(Generic[K, V]):
    """Values by key; safe to share between threads.

    Together they weigh at most `limit`. The newest stays even if it alone weighs more. `weight`: of a value,
    1 unless told otherwise, so that `limit` is a number of values.
    """

    def __init__(self, limit: float, weight: Callable[[V], float] = lambda value: 1) -> None:
        self._limit = limit
        self._weight = weight
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, _Kept[V]] = OrderedDict()

    def find(self, key: K) -> V | None:
        """Return the value, now the most recently used; None if it is not there."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            kept.used = time.monotonic()
            self._kept.move_to_end(key)
            return kept.value

    def peek(self, key: K) -> V | None:
        """Return the value as `find` does, but leave it as long unused as it was."""
        with self._lock:
            kept = self._kept.get(key)
            return None if kept is None else kept.value

    def keep(self, key: K, value: V) -> None:
        """Keep `value` in place of a former one, and drop the least recently used that no longer fit."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = _Kept(value, self._weight(value), time.monotonic())
            total = sum(kept.weight for kept in self._kept.values())
            while total > self._limit and len(self._kept) > 1:
                total -= self._kept.popitem(last=False)[1].weight

    def forget(self, seconds: float) -> None:
        """Drop what was last used that long ago, or longer."""
        with self._lock:
            latest = time.monotonic() - seconds
            for key in [key for key, kept in self._kept.items() if kept.used <= latest]:
                del self._kept[key]
