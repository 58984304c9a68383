"""The page as it is first sent: made once for each address by which it is reached, and compressed."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

from gradio.route_utils import get_root_url
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vitdemo.engine.core.lru import Lru
from vitdemo.serving.preview import add_tags

ADDRESSES = 8  # whose pages are kept, 0.7 MB each


@dataclass(frozen=True)
class Made:
    """A page, plain and compressed."""

    plain: bytes
    packed: bytes

    def answer(self, headers: Headers) -> Response:
        """Return the answer to a request with these `headers`."""
        told = {"vary": "Accept-Encoding"}
        if "gzip" not in headers.get("accept-encoding", ""):
            return Response(self.plain, headers=told, media_type="text/html")
        return Response(self.packed, headers={**told, "content-encoding": "gzip"}, media_type="text/html")


class Front:
    """`app`, whose page is the same for everybody, and takes gradio 70 ms to make.

    Where one must log in it tells visitors their names, and is made each time.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._pages: Lru[str, Made] = Lru(ADDRESSES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        # What the address asks for is the browser's to read; gradio would look for pages of its own.
        scope = {**scope, "method": "GET", "query_string": b""}
        root = get_root_url(Request(scope), "/", scope["app"].root_path)
        page = self._pages.find(root)
        if page is None:
            answer = await collect(self.app, scope, receive)
            if answer.status_code != 200:
                await answer(scope, receive, send)
                return
            plain = add_tags(bytes(answer.body), root)
            page = Made(plain, gzip.compress(plain))
            if scope["app"].auth is None:
                self._pages.keep(root, page)
        await page.answer(Headers(scope=scope))(scope, receive, send)


async def collect(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """Return the answer of `app`, whole."""
    answer, body = Response(), bytearray()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status_code, answer.raw_headers = message["status"], message["headers"]
        body.extend(message.get("body", b""))

    await app(scope, receive, send)
    answer.body = bytes(body)
    return answer
