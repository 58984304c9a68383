"""Networks that the registry does not have: who has named them, and what they may take."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from vitdemo.cost import parameters
from vitdemo.engine.core.lru import Lru
from vitdemo.engine.core.sizes import choose_spec
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.message import Message, Progress
from vitdemo.weights import DESCRIBED, Offer, VisitorCache, can_be_shown, look_up

MOST = 256  # that visitors have named and that may be asked for
BYTES = 4  # of a number in memory
NAMELESS = "folder"  # the key of a folder whose own name no page could show


class Offers:
    """The networks that may be asked for besides the menu's, by name.

    `named`: those of whoever runs the app, who may have a token, a cache and folders. What visitors name is
    looked for as anybody may, and has a cache of its own, unless they are the same person: `alone`.
    """

    def __init__(self, limits: Limits, *, alone: bool) -> None:
        self.alone = alone
        self.named: dict[str, Offer] = {}
        self._limits = limits
        self._asked: Lru[str, Offer] = Lru(MOST)
        self._cache = VisitorCache(limits.hub_megabytes)

    def find(self, name: str) -> Offer | None:
        """Return the network of this name, if somebody has named it."""
        return self.named.get(name) or self._asked.find(name)

    def name(self, name: str, *, known: Collection[str]) -> None:
        """Have a network in the menu, besides the `known` keys. Raise WeightsError where it cannot be.

        The key of a folder is its own name: the page tells its visitors of keys, and of no path.
        """
        offer = look_up(name, download_megabytes=self._limits.download_megabytes)
        if not offer.spec.on_hub:
            offer = replace(offer, spec=replace(offer.spec, key=choose_key(Path(name), known)))
        self.named[offer.spec.key] = offer

    def ask(self, name: str, *, progress: Progress | None) -> None:
        """Have a network that may be asked for. Raise ValueError, as WeightsError is, where it cannot be."""
        if self.find(name) is not None:
            return
        if not (self.alone or self._limits.hub_megabytes):
            raise ValueError(Message("This page takes no other networks: choose one that is in the menu"))
        with nullcontext() if self.alone else self._cache.hold(name, DESCRIBED) as apart:
            megabytes = self._limits.download_megabytes
            offer = look_up(name, download_megabytes=megabytes, progress=progress, apart=apart)
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
        choose_spec(offer.spec, "", picture=(1, 1), limits=self._limits)
        self._asked.keep(name, offer)

    def hold(self, offer: Offer) -> AbstractContextManager[Path | None]:
        """Keep what visitors have fetched of it on the disk meanwhile, with room for what they still fetch.

        Raise WeightsError where there is none.
        """
        if offer.apart is None:
            return nullcontext()
        return self._cache.hold(offer.spec.source, 0 if offer.is_cached else offer.nbytes + DESCRIBED)


def choose_key(folder: Path, known: Collection[str]) -> str:
    """Return the name of a folder, with a number where there are several of that name."""
    name = folder.resolve().name
    if not name or not can_be_shown(name):
        name = NAMELESS
    number = 1
    while (key := name if number == 1 else f"{name}-{number}") in known:
        number += 1
    return key
