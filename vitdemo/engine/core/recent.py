"""The last few answers to questions that take a network, so that asking twice costs once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """At most `limit` answers by (key of the result, class), the least recently used dropped first."""

    def __init__(self, limit: int = 128) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], T] = OrderedDict()

    def find(self, key: str, label: str) -> T | None:
        """The answer, now the most recently used; None when it is not there."""
        with self._lock:
            if (key, label) in self._known:
                self._known.move_to_end((key, label))
            return self._known.get((key, label))

    def keep(self, key: str, label: str, answer: T) -> None:
        with self._lock:
            self._known[key, label] = answer
            while len(self._known) > self._limit:
                self._known.popitem(last=False)
