"""Questions to the Hugging Face Hub, each in a thread of its own that is watched by a clock."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from vitdemo.message import Message
from vitdemo.weights.download import Address, Asking, Done, Terms
from vitdemo.weights.records import Unreachable
from vitdemo.weights.transfer import CHUNK

LONGEST = 1800.0  # seconds that a download may take, however well it moves
BEAT = 0.2  # seconds between two calls of `progress`

T = TypeVar("T")


def watch(address: Address, terms: Terms, question: Callable[[Asking], T]) -> T:
    """Return what `question` does, in a thread of its own: the client can block for minutes.

    The thread ends with the next byte, or the next request, after it was abandoned.
    """
    asking = Asking(address, terms)
    threading.Thread(target=asking.run, args=(question,), daemon=True, name=f"fetch {address.repo}").start()
    start = now = heard = time.monotonic()
    news, reported = (0.0, Message("Asking the Hub for {repo}", repo=address.repo)), -BEAT
    try:
        while now - heard < terms.deadline and now - start < LONGEST:
            if terms.progress is not None and (now - reported >= BEAT or news[0] == 1):
                terms.progress(*news)
                reported = now
            with contextlib.suppress(queue.Empty):
                event = asking.events.get(timeout=min(BEAT, terms.deadline))
                if isinstance(event, Done):
                    return event.answer
                if isinstance(event, BaseException):
                    raise event
                heard, news = time.monotonic(), event
            now = time.monotonic()
    finally:
        asking.abandoned.set()
    raise explain_silence(address.repo, terms, long=now - start >= LONGEST, silent=heard == start)


def explain_silence(repo: str, terms: Terms, *, long: bool, silent: bool) -> Unreachable:
    """Return the sentence for a wait that was given up: too `long`, or without a word from the start."""
    if long:
        minutes = f"{LONGEST / 60:.0f}"
        return Unreachable(
            Message("The Hub took longer than {minutes} minutes for {repo}", minutes=minutes, repo=repo)
        )
    seconds = f"{terms.deadline:g}"
    if silent:
        return Unreachable(
            Message(
                "The Hub did not answer within {seconds} seconds for {repo}: try again later",
                seconds=seconds,
                repo=repo,
            )
        )
    return Unreachable(
        Message(
            "The Hub sent less than {size} kB of {repo} in {seconds} seconds",
            size=f"{CHUNK / 1e3:.0f}",
            repo=repo,
            seconds=seconds,
        )
    )
