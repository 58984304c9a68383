"""By which names this server may be called, and pages of whose origin may call it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::")  # what one listens on, and nobody calls  # nosec B104


@dataclass(frozen=True)
class Hosts:
    """Names of this server, and origins of other sites that are trusted.

    Where it listens on every network it may be called by any address as well: a page of a stranger has a
    name.
    """

    names: frozenset[str]
    origins: frozenset[str]
    addresses: bool

    def called(self, host: str) -> bool:
        """Return whether a Host header names this server. A stranger's name that resolves to it does not."""
        name = name_in(f"//{host}")
        return name in self.names or (self.addresses and is_address(name))

    def trusted(self, origin: str, called: Iterable[str]) -> bool:
        """Return whether an Origin header is that of this server's page, or of a site that was allowed.

        `called`: by what the request calls this server. Another port of this machine, or another address, is
        another site; only a name that this server alone has may stand without its port.
        """
        place, name = origin.lower().partition("://")[2], name_in(origin)
        own = name in self.names and name not in LOOPBACK and not is_address(name)
        return self.allows(origin) or own or place in {host.lower() for host in called}

    def allows(self, origin: str) -> bool:
        """Return whether an Origin header is that of another site whose pages may read what this one says."""
        return origin.lower() in self.origins


def make_hosts(*, listening: str | None, names: Iterable[str], origins: Iterable[str]) -> Hosts:
    """Return loopback, the host that the server is `listening` on, those `names`, and those of a Space."""
    listening = listening or os.environ.get("GRADIO_SERVER_NAME", LOOPBACK[1])
    space = os.environ.get("SPACE_HOST", "").split(",")
    known = {name_in(f"//{add_brackets(name)}") for name in (*LOOPBACK, listening, *names, *space)}
    return Hosts(
        names=frozenset(known - {"", *EVERYWHERE}),
        origins=frozenset(origin.lower().rstrip("/") for origin in origins),
        addresses=listening.strip("[]") in EVERYWHERE,
    )


def name_in(url: str) -> str:
    """Return the host name of an address, in small letters; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def add_brackets(name: str) -> str:
    """Return `name` as it stands in an address."""
    return f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
