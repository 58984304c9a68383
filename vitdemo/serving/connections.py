"""What clients may do with connections before there is a request: hold so many, and keep none silent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from http import HTTPStatus
from operator import attrgetter
from typing import Any

from vitdemo.limits import Limits
from vitdemo.serving.headers import HEADERS
from vitdemo.serving.proxies import Proxies, find_subscriber

CROWDED = "Too many of your connections are open at once."
FULL = "Too many connections are open at once; please try again in a minute."


def guard(protocol: type[Any], limits: Limits, proxies: Proxies) -> type[Any]:
    """Return uvicorn's `protocol` with the limits of a connection.

    A client who has too many is told so and hung up on; those of a named proxy are of many clients, whose
    requests the gate counts. Where all clients together have too many, the one who holds most gives up
    their last one for another who holds fewer. What has not come whole after `arrival_seconds`, looked at as
    often, is cut off.
    """

    class Guarded(protocol):
        """A connection, and its client: "" for a proxy's.

        `cycle` is uvicorn's: the last request, of which more may be to come.
        """

        def connection_made(self, transport: asyncio.Transport) -> None:
            """Take it, or refuse it."""
            super().connection_made(transport)
            peer = (transport.get_extra_info("peername") or ("",))[0]
            self._client = "" if proxies.trusts(peer) else find_subscriber(peer)
            self._since = self.loop.time()
            self._before: Any = None
            self._timer = self.loop.call_later(limits.arrival_seconds, self._look)
            if refusal := self._refuse():
                transport.write(refusal)
                transport.close()

        def connection_lost(self, error: Exception | None) -> None:
            """Look at it no more."""
            super().connection_lost(error)
            self._timer.cancel()

        def _refuse(self) -> bytes:
            """Return the answer to one connection too many, b"" where there is room for it, or was made."""
            known = [one for one in self.connections if isinstance(one, Guarded)]
            held = [one for one in known if not one.transport.is_closing()]
            counts = Counter(one._client for one in held if one._client)
            own = counts[self._client]
            if own > limits.client_connections:
                return make_refusal(HTTPStatus.TOO_MANY_REQUESTS, CROWDED)
            if len(held) <= limits.connections:
                return b""
            [(greediest, most)] = counts.most_common(1) or [("", 0)]
            if most <= own:
                return make_refusal(HTTPStatus.SERVICE_UNAVAILABLE, FULL)
            last = max((one for one in held if one._client == greediest), key=attrgetter("_since"))
            last.transport.abort()
            return b""

        def _look(self) -> None:
            """Cut it off where the request that was awaited the last time still is."""
            awaited = self.cycle is None or self.cycle.more_body or self.cycle.response_complete
            if awaited and self.cycle is self._before:
                self.transport.abort()
            self._before = self.cycle
            self._timer = self.loop.call_later(limits.arrival_seconds, self._look)

    return Guarded


def make_refusal(status: HTTPStatus, sentence: str) -> bytes:
    """Return the answer to who has one connection too many, whatever they ask."""
    body = json.dumps({"detail": sentence})
    headers = {
        **HEADERS,
        "content-type": "application/json",
        "content-length": len(body),
        "connection": "close",
    }
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", body]).encode()
