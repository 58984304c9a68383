"""Who may use the machine when: one after the other, and nobody for longer than is stated."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from vitdemo.message import Message, Progress

LISTEN = 0.1  # seconds between two looks whether the answer is still wanted, while nothing else happens
WAITING = Message("Waiting for the requests before this one")
NO_MEMORY = Message(
    "There is not enough memory for this request now; another model or a smaller picture needs less"
)
REFUSED = ("allocate memory", "out of memory")  # in the words of torch's allocators


class Turns:
    """Turns for at most `places` at once, first come first served.

    Each may last `seconds`, and nobody waits for one longer than `patience` seconds.
    Whoever waits or works may give up: a `Progress` that raises frees the place, or the place in the line.
    """

    def __init__(self, places: int = 1, *, seconds: float = math.inf, patience: float = math.inf) -> None:
        self._seconds, self._patience = seconds, patience
        self._free = places
        self._line: deque[object] = deque()
        self._moved = threading.Condition()

    @contextmanager
    def turn(self, progress: Progress | None = None) -> Iterator[Progress]:
        """Wait for a turn, and hold it. Gives the `Progress` that the work is to tell at each of its steps.

        Raise ValueError, one sentence for the user, for work that is overdue or that memory is refused to.
        """
        report = progress or ignore_progress
        self._take(stop_after(monotonic() + self._patience, report, seconds=self._patience))
        try:
            with explain_refusals():
                yield stop_after(monotonic() + self._seconds, report, seconds=self._seconds)
        finally:
            with self._moved:
                self._free += 1
                self._moved.notify_all()

    def is_taken(self) -> bool:
        """Return whether nobody could have a turn at once: all places are taken, or others wait."""
        with self._moved:
            return not self._free or bool(self._line)

    def _take(self, report: Progress) -> None:
        ticket = object()
        with self._moved:
            self._line.append(ticket)
            try:
                while not (self._free and self._line[0] is ticket):
                    if not self._moved.wait(LISTEN):
                        report(0.0, WAITING)
                self._free -= 1
            finally:
                self._line.remove(ticket)
                self._moved.notify_all()


class TurnsApart:
    """Turns for one at a time, of each of any number of things; nothing is kept of what nobody waits for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, tuple[Turns, int]] = {}  # and how many wait for them or have them

    @contextmanager
    def turn(self, thing: str, progress: Progress | None = None) -> Iterator[Progress]:
        """Wait for a turn, and hold it, as `Turns.turn`."""
        turns = self._count(thing, 1)
        try:
            with turns.turn(progress) as report:
                yield report
        finally:
            self._count(thing, -1)

    def _count(self, thing: str, more: int) -> Turns:
        with self._lock:
            turns, users = self._turns.pop(thing, None) or (Turns(), 0)
            if users + more:
                self._turns[thing] = turns, users + more
            return turns


def stop_after(deadline: float, report: Progress, *, seconds: float) -> Progress:
    """Return `report`, which raises ValueError after the `deadline` of the monotonic clock."""

    def checked(share: float, text: str) -> None:
        if monotonic() > deadline:
            raise ValueError(
                Message(
                    "This would take longer than the {seconds} seconds that one request may run",
                    seconds=f"{seconds:g}",
                )
            )
        report(share, text)

    return checked


@contextmanager
def explain_refusals() -> Iterator[None]:
    """Turn a refusal of memory into a ValueError.

    What was tried is freed with it: one request ends, and the next one finds the memory as it was.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or any(words in str(error) for words in REFUSED):
            raise ValueError(NO_MEMORY) from None
        raise


def ignore_progress(share: float, text: str) -> None:
    """Do nothing, where nobody watches."""
