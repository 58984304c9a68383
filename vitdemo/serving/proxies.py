"""Who asks: the client's own address behind the proxies that the operator has named.

Nobody else can claim to be that client, and no header is let through by which one would name this server.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network

from starlette.types import Scope

Headers = list[tuple[bytes, bytes]]
# Of a Space: all that comes from outside passes the proxies of Hugging Face, which have addresses like these.
SPACE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8")
FORWARDED_FOR = b"x-forwarded-for"
FORWARDED = (FORWARDED_FOR, b"x-forwarded-host", b"x-forwarded-proto")
SERVER = b"x-gradio-server"  # by which gradio's other half, which does not run here, names the server
CALLER = b"x-vitdemo-caller"
SUBSCRIBER = 64  # bits of an IPv6 address that one subscriber cannot choose
TRUST = "FORWARDED_ALLOW_IPS"  # of uvicorn, which would believe everybody on this machine


@dataclass(frozen=True)
class Proxies:
    """The addresses and networks whose X-Forwarded headers are believed, none others."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    _secret: str = field(default_factory=lambda: secrets.token_hex(16), init=False)

    def rewrite(self, scope: Scope, *, calls_itself: bool) -> Scope:
        """Return `scope` with the client's own address, and without the headers that it may not set.

        `calls_itself`: the app will answer the request by another to itself, with the same headers (MCP).
        That one counts as of the same client.
        """
        headers: Headers = [(name.lower(), value) for name, value in scope["headers"]]
        peer = scope["client"][0] if scope.get("client") else ""
        kept = [(name, value) for name, value in headers if name not in (*FORWARDED, SERVER, CALLER)]
        client = self._find_caller(headers)
        if client is None:
            client = self._find_client(peer, headers)
        if self.trusts(peer):
            kept += [(name, value) for name, value in headers if name in FORWARDED]
        if calls_itself:
            kept.append((CALLER, f"{self._secret} {client}".encode("latin-1")))
        return {**scope, "headers": kept, "client": (client, 0)}

    def trusts(self, address: str) -> bool:
        """Return whether what comes from `address` was sent by a named proxy."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.networks)

    def _find_client(self, peer: str, headers: Headers) -> str:
        """Return the last address that no named proxy has: what stands before it, its sender has made up."""
        told = b",".join(value for name, value in headers if name == FORWARDED_FOR).decode("latin-1")
        hops = [hop.strip() for hop in told.split(",") if hop.strip()]
        address = peer
        while self.trusts(address) and hops:
            address = hops.pop()
        return find_subscriber(address)

    def _find_caller(self, headers: Headers) -> str | None:
        """Return the client for which this app calls itself; None where it does not."""
        for name, value in headers:
            secret, _, client = value.decode("latin-1").partition(" ")
            if name == CALLER and secrets.compare_digest(secret.encode(), self._secret.encode()):
                return client
        return None


NOBODY = Proxies(())


def make_proxies(names: Iterable[str]) -> Proxies:
    """Return those `names`, and on a Space those of Hugging Face.

    Raise ValueError naming one that is neither an address nor a network.
    """
    space = SPACE if os.environ.get("SPACE_HOST") else ()
    networks = []
    for name in (*names, *space):
        try:
            networks.append(ipaddress.ip_network(name, strict=False))
        except ValueError:
            raise ValueError(f"proxies must be addresses or networks, got {name!r}") from None
    return Proxies(tuple(networks))


def find_subscriber(address: str) -> str:
    """Return `address`, of IPv6 the network that belongs to one subscriber, who has all addresses in it."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, SUBSCRIBER), strict=False))
    return address


@contextmanager
def believe_nobody() -> Iterator[None]:
    """Keep uvicorn, whose settings are made meanwhile, from believing any X-Forwarded header."""
    before = os.environ.get(TRUST)
    os.environ[TRUST] = ""
    try:
        yield
    finally:
        del os.environ[TRUST]
        if before is not None:
            os.environ[TRUST] = before
