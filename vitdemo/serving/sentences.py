"""What goes wrong in gradio's server becomes one sentence in JSON, with the status that it deserves."""

from __future__ import annotations

import errno
import json
import logging
import re
from http import HTTPStatus
from typing import Any

from gradio.route_utils import FnIndexInferError
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitdemo.ui.kit.errors import is_full
from vitdemo.ui.kit.words import CRASHED, FULL

NO_EVENT = "This page has no such event or component."
MISTAKEN = "The request does not fit this address: a part of it is missing or of the wrong kind."
SENTENCES = {
    HTTPStatus.BAD_REQUEST: "The request makes no sense: a part of it is missing, cut off or malformed.",
    HTTPStatus.UNAUTHORIZED: "Please log in first.",
    HTTPStatus.FORBIDDEN: "This address may not be read.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take requests of this kind.",
    HTTPStatus.NOT_ACCEPTABLE: "The client must accept application/json and text/event-stream.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "What was sent is too large.",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "The file has no such range.",
    HTTPStatus.UNPROCESSABLE_ENTITY: MISTAKEN,
}
# What gradio trips over when it reads a request that it does not expect; events never raise (ui/page.py).
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, AssertionError, RecursionError)
LONGEST = 2000  # letters of a sentence
CUT_OFF = "The connection ended before the answer; please ask again."
# How gradio's two streams of events, for a page and for a program, tell of an exception in themselves.
UNEXPECTED = re.compile(
    rb'(data: \{"msg":"unexpected_error".*?"message":|event: error\ndata: )("(?:[^"\\]|\\.)*")(.*)', re.DOTALL
)


class Sentences:
    """`app`, whose refusals say one sentence each."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = Refusal(send)
        try:
            await self.app(scope, receive, answer.send)
        except ClientDisconnect:
            return  # nobody listens
        except Exception as error:
            if answer.started:
                raise
            refusal = answer_error(error)
            level = logging.ERROR if refusal.status_code >= 500 else logging.WARNING
            logging.getLogger(__name__).log(level, "a request failed", exc_info=error)
            await refusal(scope, receive, send)


class Refusal:
    """Passes an answer on; that of a refusal only once it is whole, and then as one sentence."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            self._start = message
        elif self._start is None:
            self.started = True
            await self._send(soften(message))
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._tell(self._start)

    async def _tell(self, start: Message) -> None:
        self.started = True
        body = self.body(start["status"]) if self._body else b""
        headers = MutableHeaders(scope=start)
        headers["content-type"], headers["content-length"] = "application/json", str(len(body))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    def body(self, status: int) -> bytes:
        """Return what is told: as gradio says it where that is one sentence, else what the status means."""
        try:
            told = json.loads(self._body)
        except ValueError:
            told = None
        found: dict[str, Any] = told if isinstance(told, dict) else {}
        if any(name in found and is_sentence(found[name]) for name in ("detail", "error")):
            return self._body
        words = SENTENCES.get(HTTPStatus(status), CRASHED)
        if "jsonrpc" in found and isinstance(found.get("error"), dict):
            return json.dumps({**found, "error": {**found["error"], "message": words, "data": ""}}).encode()
        return json.dumps({"detail": words}).encode()


def soften(message: Message) -> Message:
    """Return a part of an answer, with a sentence for the exception that a stream of events ends in.

    gradio tells its words, which name tasks and files of the program where the server is told to stop.
    """
    body = message.get("body", b"")
    match = UNEXPECTED.fullmatch(body)
    if match is None:
        return message
    words = json.loads(match[2])
    return (
        message
        if is_sentence(words)
        else {**message, "body": match[1] + json.dumps(CUT_OFF).encode() + match[3]}
    )


def is_sentence(words: Any) -> bool:
    """Return whether gradio's word on an error may be told: None, or one line with a full stop."""
    if not isinstance(words, str):
        return words is None
    return words.endswith((".", "。")) and len(words) <= LONGEST and "\n" not in words


def answer_error(error: Exception) -> JSONResponse:
    """Return the answer to a request in which `error` was raised."""
    if isinstance(error, OSError):
        if error.errno == errno.ENAMETOOLONG:
            return refuse(404, SENTENCES[HTTPStatus.NOT_FOUND])
        return refuse(507, FULL) if is_full(error) else refuse(500, CRASHED)
    if isinstance(error, (KeyError, FnIndexInferError)):
        return refuse(404, NO_EVENT)
    return refuse(422, MISTAKEN) if isinstance(error, UNREADABLE) else refuse(500, CRASHED)


def refuse(status: int, sentence: str, **headers: str) -> JSONResponse:
    """Return an answer that is one sentence."""
    return JSONResponse({"detail": sentence}, status, headers)
