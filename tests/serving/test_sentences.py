"""What gradio trips over in a request becomes one sentence, with the status that it deserves."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

from tests.serving.visitor import API, Call, Visitor
from tests.serving.visitors import PATIENCE
from vitdemo.serving.sentences import CUT_OFF, soften
from vitdemo.ui.kit.assets import locate_module
from vitdemo.ui.kit.words import CRASHED

JSON = {"Content-Type": "application/json"}


def post_multipart(body: bytes, boundary: str = "x") -> dict[str, Any]:
    return {"content": body, "headers": {"Content-Type": f"multipart/form-data; boundary={boundary}"}}


CANCELLED = "Cancelled via cancel scope 7f98 by <Task coro=<run() running at /srv/uvicorn/h11_impl.py:411>>"
STREAMS = {
    "page": 'data: {"msg":"unexpected_error","event_id":null,"message":%s,"success":false}\n\n',
    "program": "event: error\ndata: %s\n\n",
}
OTHERS = (b'data: {"msg":"process_completed","output":{"data":["unexpected_error"]}}\n\n', b"<html>", b"")


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(("words", "told"), [(CANCELLED, CUT_OFF), ("Not found.", "Not found.")])
def test_a_stream_tells_no_words_of_an_exception(stream: str, words: str, told: str) -> None:
    sent, expected = ((STREAMS[stream] % json.dumps(one)).encode() for one in (words, told))
    message = {"type": "http.response.body", "more_body": True}
    assert soften({**message, "body": sent}) == {**message, "body": expected}


@pytest.mark.parametrize("body", OTHERS)
def test_what_else_a_server_sends_stays(body: bytes) -> None:
    assert soften({"type": "http.response.body", "body": body})["body"] == body


@pytest.mark.parametrize(
    ("method", "path", "status", "more"),
    [
        ("GET", "static/img/logo.svg", 400, {"headers": {"Range": "bytes=0-1-2"}}),
        ("GET", locate_module("sidebar/link"), 400, {"headers": {"Range": "pages=7"}}),
        ("GET", "assets/nothing.js", 404, {}),
        ("GET", f"static/{'a' * 5000}", 404, {}),
        ("GET", "static//etc/passwd", 403, {}),
        ("GET", f"{API}/queue/data", 422, {}),
        ("GET", f"{API}/upload_progress?upload_id=nobody", 404, {}),
        ("DELETE", f"{API}/upload", 405, {}),
        ("POST", f"{API}/call/v2/analyse", 422, {"json": {}}),
        ("POST", f"{API}/call/v2/analyse", 422, {"json": []}),
        ("POST", f"{API}/call/v2/nothing", 404, {"json": {}}),
        ("POST", f"{API}/call/models", 422, {"content": b"{", "headers": JSON}),
        ("POST", f"{API}/call/models", 422, {"content": b"\xff\xfe", "headers": JSON}),
        ("POST", f"{API}/call/models", 400, {"content": b"[" * 100_000, "headers": JSON}),
        ("POST", f"{API}/queue/join", 422, {"json": {"data": [], "fn_index": "a"}}),
        ("POST", f"{API}/queue/join", 404, {"json": {"data": [], "fn_index": 10**9, "session_hash": "a"}}),
        ("POST", f"{API}/run/predict", 404, {"json": {"data": [], "fn_index": 10**9}}),
        ("POST", f"{API}/cancel", 422, {"json": {}}),
        ("POST", f"{API}/upload", 400, {"content": b"abc"}),
        ("POST", f"{API}/upload", 400, post_multipart(b"--y\r\n\r\n")),
        (
            "POST",
            f"{API}/upload",
            400,
            post_multipart(b"--x\r\nContent-Disposition: no\r\n\r\na\r\n--x--\r\n"),
        ),
        ("POST", f"{API}/upload", 400, post_multipart(b"a", boundary="")),
        ("POST", "login", 422, {"content": b"{"}),
    ],
)
def test_what_gradio_trips_over_is_one_sentence_of_its_status(
    url: str, method: str, path: str, status: int, more: dict[str, Any]
) -> None:
    answer = httpx.request(method, f"{url}{path}", **more, timeout=PATIENCE)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"]), answer.text
    (words,) = answer.json().values()
    assert re.fullmatch(r"[A-Z][^\n/\\]{10,120}\.", words), words


def test_a_file_that_is_called_a_drawing_is_not_read(visitor: Visitor) -> None:
    """Gradio would, to send its text along, and trip over what is none."""
    files = [("files", (f"{name}.svg", b"\xff\xfe<svg/>")) for name in "ab"]
    paths = visitor.http.post(f"{API}/upload", files=files).json()
    sent = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
    (answer,) = visitor.ask(Call(visitor.find_event("show_uploads"), [sent]))
    assert paths[0] in answer
    (answer,) = visitor.ask(Call(visitor.find_event("analyse"), [{"path": paths[0]}, "vit_cifar10", 0.0, ""]))
    assert CRASHED not in answer
    assert '"success":false' in answer
