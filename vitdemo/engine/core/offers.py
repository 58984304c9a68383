"""Networks that the registry does not have: who has named them, and what they may take."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vitdemo.cost import parameters
from vitdemo.engine.core.lru import Lru
from vitdemo.engine.core.sizes import choose_spec
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.message import Message, Progress
from vitdemo.weights import Offer, is_cached, look_up

MOST = 256  # that visitors have named and that may be asked for
BYTES = 4  # of a number in memory


class Offers:
    """The networks that may be asked for besides the menu's, by name.

    `named`: those of whoever runs the app, who may have a token, a cache and folders. What visitors name is
    looked for as anybody may, unless they are the same person: `alone`.
    """

    def __init__(self, limits: Limits, *, alone: bool) -> None:
        self.alone = alone
        self.named: dict[str, Offer] = {}
        self._limits = limits
        self._asked: Lru[str, Offer] = Lru(MOST)
        self._lock = threading.Lock()
        self._fetched: dict[str, int] = {}  # source -> bytes on the disk, for visitors

    def find(self, name: str) -> Offer | None:
        """Return the network of this name, if somebody has named it."""
        return self.named.get(name) or self._asked.find(name)

    def name(self, name: str) -> None:
        """Have a network in the menu. Raise WeightsError where it cannot be."""
        self.named[name] = look_up(name, download_megabytes=self._limits.download_megabytes)

    def ask(self, name: str, *, progress: Progress | None) -> None:
        """Have a network that may be asked for. Raise ValueError, as WeightsError is, where it cannot be."""
        if self.find(name) is not None:
            return
        if not (self.alone or self._limits.hub_megabytes):
            raise ValueError(Message("This page takes no other networks: choose one that is in the menu"))
        offer = look_up(
            name,
            download_megabytes=self._limits.download_megabytes,
            progress=progress,
            anonymous=not self.alone,
        )
        size, limit = BYTES * parameters(offer.spec.config) / MEGABYTE, self._limits.network_megabytes
        if size > limit:
            raise ValueError(
                Message(
                    "{model} takes {size} MB of memory, and networks get at most {limit} MB here",
                    model=offer.spec.title,
                    size=f"{size:,.0f}",
                    limit=f"{limit:,.0f}",
                )
            )
        choose_spec(offer.spec, "", picture=(1, 1), megabytes=self._limits.trace_megabytes)
        self._asked.keep(name, offer)

    @contextmanager
    def count(self, offer: Offer) -> Iterator[None]:
        """Count what is fetched for visitors meanwhile. Raise ValueError where it would be too much."""
        source = offer.spec.source
        if not offer.anonymous or is_cached(source):
            yield
            return
        limit = self._limits.hub_megabytes
        with self._lock:
            if sum(self._fetched.values()) + offer.nbytes > limit * MEGABYTE:
                raise ValueError(
                    Message(
                        "This page has fetched its {limit} MB of networks for visitors: choose one that is "
                        "in the menu",
                        limit=f"{limit:,}",
                    )
                )
            self._fetched[source] = offer.nbytes
        try:
            yield
        except BaseException:
            with self._lock:
                self._fetched.pop(source, None)  # two names may be of one source
            raise
