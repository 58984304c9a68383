"""What stands before gradio's server: it turns away what must not come in, and says so in one sentence."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitdemo.limits import MEGABYTE, Limits
from vitdemo.serving.connections import CROWDED
from vitdemo.serving.headers import HEADERS
from vitdemo.serving.hosts import Hosts
from vitdemo.serving.login import Login
from vitdemo.serving.proxies import NOBODY, Proxies
from vitdemo.serving.routes import BULKY, FILE, LASTING, MCP, STILL, UPLOAD, is_open, name_route
from vitdemo.serving.sentences import SENTENCES, refuse
from vitdemo.ui.kit.received import is_uploaded
from vitdemo.ui.kit.words import CRASHED

NO_HOST = "This server is not called so."
NO_ORIGIN = "Pages of other sites may not call this server."
NO_FILE = "There is no such file."
NO_UPLOAD = "This server takes no uploads."
TOO_LARGE = "The request is too large: the limit is {megabytes} MB."
STOPPING = "The server is about to stop; please try again in a minute."
VALUES = 4  # megabytes of a request that brings no files
LOG = logging.getLogger(__name__)


@dataclass
class Gate:
    """`app` behind the rules of a public port.

    `ready`: whether a model has answered; `make_room`: called with the bytes of an upload that comes;
    `open`: requests that are being answered, `LASTING` ones apart; `clients`: how many there are of each
    client, those too; `stopping`: no new ones are taken; `login`: who may come in, set once there is a
    server behind.
    """

    app: ASGIApp
    limits: Limits
    hosts: Hosts
    ready: Callable[[], bool]
    make_room: Callable[[int], None]
    proxies: Proxies = NOBODY
    login: Login | None = field(default=None, init=False)
    open: int = field(default=0, init=False)
    clients: Counter[str] = field(default_factory=Counter, init=False)
    stopping: bool = field(default=False, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        origin = Headers(scope=scope).get("origin", "")
        answer = Answer(send, reader=origin if self.hosts.allows(origin) else "")
        sent, scope = scope, self.proxies.rewrite(scope, calls_itself=scope["path"].startswith(MCP))
        client, lasting = scope["client"][0], not scope["path"].startswith(LASTING)
        self.open += lasting
        self.clients[client] += 1
        try:
            refusal = self.refuse_stray(sent)
            if refusal is None and self.clients[client] > self.limits.client_connections:
                refusal = refuse(429, CROWDED)
            if refusal is None and self.login:
                refusal = self.login.refuse(scope)
            refusal = refusal or self.refuse(scope)
            if refusal is None and scope["path"].startswith(BULKY):
                await run_in_threadpool(self.make_room, read_length(Headers(scope=scope)))
            await (refusal or self.app)(scope, self.count_bytes(receive, scope["path"]), answer.send)
            if self.login and answer.status == 200:
                self.login.forgive(scope)
        except asyncio.CancelledError:
            if not self.stopping:  # else what took too long is cut off, which is no error
                raise
        except Exception as error:
            LOG.error("a request failed", exc_info=error)
            if not answer.status:
                await refuse(500, CRASHED)(scope, receive, answer.send)
        finally:
            self.open -= lasting
            forget(self.clients, client)
            if answer.status >= 400 or not scope["path"].startswith(STILL):
                LOG.info("request", extra={"facts": answer.collect_facts(name_route(scope["path"]))})

    def refuse_stray(self, scope: Scope) -> Response | None:
        """Return the answer to a request that should not have come here, or is about the app itself."""
        headers, path = Headers(scope=scope), scope["path"]
        if path in ("/health", "/ready"):
            return self.answer_state(path)
        names = list_names(headers)
        if not all(map(self.hosts.called, names)):
            return refuse(421, NO_HOST)
        if not all(self.hosts.trusted(origin, names) for origin in headers.getlist("origin")):
            return refuse(403, NO_ORIGIN)
        return None if is_open(path) else refuse(404, SENTENCES[HTTPStatus.NOT_FOUND])

    def refuse(self, scope: Scope) -> Response | None:
        """Return the answer to a request that does not come in, None to one that does."""
        headers, path = Headers(scope=scope), scope["path"]
        if path.startswith(FILE) and not is_uploaded(path.removeprefix(FILE)):
            return refuse(404, NO_FILE)
        if path.startswith(UPLOAD) and self.limits.read_only:
            return refuse(403, NO_UPLOAD)
        if read_length(headers) > self.limit_of(path) * MEGABYTE:
            return refuse(413, self.describe_limit(path))
        if self.stopping and scope["method"] == "POST":
            return refuse(503, STOPPING)
        return None

    def answer_state(self, path: str) -> JSONResponse:
        """Tell at /health that the process answers, at /ready whether it may be sent visitors."""
        good = path == "/health" or (self.ready() and not self.stopping)
        return JSONResponse({"status": "ok" if good else "not ready"}, 200 if good else 503)

    def limit_of(self, path: str) -> int:
        """Return the megabytes of a request there: values take few, and much work where they are many."""
        return (
            self.limits.request_megabytes
            if path.startswith(BULKY)
            else min(VALUES, self.limits.request_megabytes)
        )

    def describe_limit(self, path: str) -> str:
        return TOO_LARGE.format(megabytes=self.limit_of(path))

    def count_bytes(self, receive: Receive, path: str) -> Receive:
        """Return `receive`, which ends the request once more has come than it may hold, whatever it said."""
        left = self.limit_of(path) * MEGABYTE

        async def received() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, self.describe_limit(path))
            return message

        return received


class Answer:
    """Sends an answer, with the headers of them all, and remembers what the log wants to know.

    `reader`: the other site whose page may read it; gradio forgets that where it is called by a local name.
    """

    def __init__(self, send: Send, *, reader: str = "") -> None:
        self._send, self._began, self._reader = send, time.monotonic(), reader
        self.status, self.bytes = 0, 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            if self._reader:
                headers["Access-Control-Allow-Origin"] = self._reader
                headers.add_vary_header("Origin")
        self.bytes += len(message.get("body", b""))
        await self._send(message)

    def collect_facts(self, event: str) -> dict[str, Any]:
        """Return what the log says of it."""
        milliseconds = round(1000 * (time.monotonic() - self._began))
        return {"event": event, "milliseconds": milliseconds, "status": self.status, "bytes": self.bytes}


def list_names(headers: Headers) -> list[str]:
    """Return every name by which a request calls this server; what a proxy was called counts as well."""
    forwarded = [host.split(",")[0].strip() for host in headers.getlist("x-forwarded-host")]
    return [*(headers.getlist("host") or [""]), *forwarded]


def read_length(headers: Headers) -> int:
    """Return the bytes that will come; 0 where the header makes no sense, for they are counted anyway."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def forget(counts: Counter[str], client: str) -> None:
    """Count one less of `client`, of whom nothing stays once it was the last."""
    counts[client] -= 1
    if not counts[client]:
        del counts[client]
