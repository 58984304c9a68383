"""What one client may do with connections before there is a request: hold so many, and keep none silent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from vitdemo.limits import Limits
from vitdemo.serving.headers import HEADERS
from vitdemo.serving.proxies import Proxies, subscriber_of

CROWDED = "Too many of your connections are open at once."


def guard(protocol: type[Any], limits: Limits, proxies: Proxies) -> type[Any]:
    """Return uvicorn's `protocol` with the limits of a connection.

    A client who has too many is told so and hung up on; those of a named proxy are of many clients, whose
    requests the gate counts. What has not come whole after `arrival_seconds`, looked at as often, is cut off.
    """
    open_of: Counter[str] = Counter()

    class Guarded(protocol):
        """A connection. Its `cycle` is uvicorn's: the last request, of which more may be to come."""

        def connection_made(self, transport: asyncio.Transport) -> None:
            """Take it, or refuse it."""
            super().connection_made(transport)
            peer = (transport.get_extra_info("peername") or ("",))[0]
            self._owner = None if proxies.trusts(peer) else subscriber_of(peer)
            self._before: Any = None
            self._timer = self.loop.call_later(limits.arrival_seconds, self._look)
            if self._owner is None:
                return
            open_of[self._owner] += 1
            if open_of[self._owner] > limits.client_connections:
                transport.write(make_refusal())
                transport.close()

        def connection_lost(self, error: Exception | None) -> None:
            """Count it no more."""
            super().connection_lost(error)
            self._timer.cancel()
            if self._owner is not None:
                forget(open_of, self._owner)

        def _look(self) -> None:
            """Cut it off where the request that was awaited the last time still is."""
            awaited = self.cycle is None or self.cycle.more_body or self.cycle.response_complete
            if awaited and self.cycle is self._before:
                self.transport.abort()
            self._before = self.cycle
            self._timer = self.loop.call_later(limits.arrival_seconds, self._look)

    return Guarded


def make_refusal() -> bytes:
    """Return the answer to a client who has too many connections, whatever they ask."""
    body = json.dumps({"detail": CROWDED})
    headers = {
        **HEADERS,
        "content-type": "application/json",
        "content-length": len(body),
        "connection": "close",
    }
    lines = ["HTTP/1.1 429 Too Many Requests", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", body]).encode()


def forget(counts: Counter[str], client: str) -> None:
    """Count one less of `client`, of whom nothing stays once it was the last."""
    counts[client] -= 1
    if not counts[client]:
        del counts[client]
