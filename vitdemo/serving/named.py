"""Networks that whoever starts the app names: in the menu at once, or as soon as the Hub answers again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from vitdemo.engine import Unreachable
from vitdemo.engine.core.networks import Networks

LOG = logging.getLogger(__name__)
PAUSE = 60.0  # seconds until the Hub is asked again


def add_networks(networks: Networks, names: Iterable[str]) -> list[str]:
    """Have networks in the menu. Return the names of those about which the Hub gives no good answer now.

    Raise ValueError for one that cannot be had.
    """
    waiting = []
    for name in names:
        try:
            networks.add(name)
        except Unreachable as error:
            LOG.warning("%s is not in the menu yet, and is asked for again: %s", name, error)
            waiting.append(name)
    return waiting


def await_hub(
    networks: Networks, names: Iterable[str], stop: threading.Event, *, pause: float = PAUSE
) -> None:
    """Ask for networks every `pause` seconds, until all are in the menu or cannot be, or until `stop`."""
    waiting = list(names)
    while waiting and not stop.wait(pause):
        waiting = [name for name in waiting if not is_settled(networks, name)]


def is_settled(networks: Networks, name: str) -> bool:
    """Return whether a network is in the menu now, or cannot be had, which is logged."""
    try:
        if add_networks(networks, [name]):
            return False
        LOG.info("%s is in the menu", name)
    except ValueError as error:
        LOG.error("%s cannot be in the menu: %s", name, error)
    return True
