"""One file on its way from the Hub: what has come, how often it was asked for, and when it is given up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vitdemo.message import Message
from vitdemo.weights.records import WeightsError

TRIES = 3  # requests for one file, the first included
CHUNK = 2**14  # bytes between two signs of life: a slower line than this in the deadline counts as dead
Tell = Callable[[float, str], None]  # the share of the weights that has come, and a text for the user

_running = threading.local()  # `transfer`: the one of this thread


class Abandoned(Exception):  # noqa: N818 - nobody waits for it any more
    """Ends a download whose waiter has gone."""


@dataclass
class Transfer:
    """`file` of `repo`; `tell` is told of every byte, `check(bytes)` raises where they are too many.

    `abandoned`: nobody waits.
    """

    repo: str
    file: str
    check: Callable[[int], None]
    tell: Tell
    abandoned: threading.Event
    done: int = 0
    total: int = 0
    requests: Counter[str] = field(default_factory=Counter)

    def run(self, download: Callable[..., str]) -> str:
        """Return the path that `download(tqdm_class=...)` of the Hub's client returns.

        The client tries some errors again without an end, and others not at all: this makes it `TRIES`.
        Raise WeightsError, Abandoned, and the client's errors.
        """
        from httpx2 import NetworkError
        from huggingface_hub.utils import get_session

        hooks = get_session().event_hooks["request"]
        if count_request not in hooks:
            hooks.append(count_request)
        _running.transfer = self
        try:
            while True:
                try:
                    return download(tqdm_class=make_bar(self))
                except NetworkError:
                    if max(self.requests.values(), default=TRIES) >= TRIES:
                        raise
        finally:
            _running.transfer = None

    def count(self, method: str, url: str) -> None:
        """Count a request. Raise WeightsError for one too many, and Abandoned."""
        if self.abandoned.is_set():
            raise Abandoned
        self.requests[url] += method == "GET"
        if self.requests[url] > TRIES:
            raise WeightsError(
                Message(
                    "The Hub broke {file} of {repo} off {times} times; {done} of {total} MB came the "
                    "last time",
                    file=self.file,
                    repo=self.repo,
                    times=TRIES,
                    done=f"{self.done / 1e6:.1f}",
                    total=f"{self.total / 1e6:.1f}",
                )
            )

    def advance(self, done: int, total: int) -> None:
        """Note that `done` of `total` bytes (0: unknown) are there.

        Raise what `check` does, and Abandoned.
        """
        if self.abandoned.is_set():
            raise Abandoned
        self.done, self.total = done, total
        self.check(max(done, total))
        share = done / total if total else 0.0
        came, whole = f"{done / 1e6:.1f}", f"{total / 1e6:.1f}"
        self.tell(share, Message("{file}: {done} of {total} MB", file=self.file, done=came, total=whole))


def check_size(size: int, *, limit: int, file: str, repo: str) -> None:
    """Raise WeightsError where `size` bytes are more than `limit`."""
    if size > limit:
        raise WeightsError(
            Message(
                "{file} of {repo} has {size} MB, and at most {limit} MB are fetched unless "
                "download_megabytes asks for more",
                file=file,
                repo=repo,
                size=f"{size / 1e6:,.0f}",
                limit=f"{limit / 1e6:,.0f}",
            )
        )


def count_request(request: Any) -> None:
    """Count a request of this thread's transfer; all threads share the client's session and this hook."""
    transfer: Transfer | None = getattr(_running, "transfer", None)
    if transfer is not None:
        transfer.count(request.method, str(request.url))


def make_bar(transfer: Transfer) -> type[Any]:
    """Return a silent tqdm class that tells `transfer` of every byte."""
    from tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs | {"disable": True})
            self.written = self.received = kwargs.get("initial", 0)
            self.announce()

        def update(self, n: float | None = 1) -> None:
            self.written += n or 0
            self.announce()

        def update_transfer(self, n: float) -> None:
            """Note bytes from the network, which run ahead of those on the disk when the Hub sends by Xet."""
            self.received += n
            self.announce()

        def set_transfer_postfix_str(self, *args: Any, **kwargs: Any) -> None:
            """Do nothing: it is a part of the client's interface, and there is no bar to write on."""

        def announce(self) -> None:
            total = int(self.total or 0)
            done = int(max(self.written, self.received))
            transfer.advance(min(done, total) if total else done, total)

    return Bar
