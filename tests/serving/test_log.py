"""What the log and the console say: a line a request, and nothing of who asked or what they sent."""

from __future__ import annotations

import io
import json
import logging

import pytest

from tests.api.networks import PICTURE
from tests.serving.visitor import API, Call, Visitor
from vitdemo.serving.log import Lines
from vitdemo.ui.kit.language import say
from vitdemo.ui.kit.words import MISTAKEN


def test_what_a_visitor_sends_wrongly_is_printed_nowhere(
    visitor: Visitor, capfd: pytest.CaptureFixture[str]
) -> None:
    """Gradio prints its errors with what was sent, and an event for several visitors has no language."""
    files = {"files": ("private-name.webp", PICTURE.read_bytes())}
    (path,) = visitor.http.post(f"{API}/upload", files=files).json()
    picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    event = visitor.find_event("look")
    menus = [number for number, part in visitor.components.items() if part["type"] == "dropdown"]
    inputs = visitor.events[event]["inputs"]
    assert set(inputs) & set(menus)
    data = ["private words" if part in menus else visitor.find_value(part) for part in inputs]
    told = visitor.queue({0: Call(event, data)})[0]
    assert '"success":false' in told.replace(" ", "")
    for name, sent in (
        ("analyse", [picture, "vit_cifar10", 0.0, ""]),
        ("models", ["private words"]),
        ("look", []),
    ):
        event = visitor.find_event(name)
        body = {"fn_index": event, "session_hash": visitor.session, "batched": True, "data": sent}
        joined = visitor.http.post(f"{API}/queue/join", json=body)
        (told,) = visitor.read_stream({joined.json()["event_id"]: 0}).values()
        assert say(MISTAKEN) in told
    out, err = capfd.readouterr()
    assert "private" not in out + err
    assert "Traceback" not in out + err


def test_the_log_has_a_line_a_request_and_names_nobody(visitor: Visitor) -> None:
    written, log = io.StringIO(), logging.getLogger("vitdemo")
    handler = logging.StreamHandler(written)
    handler.setFormatter(Lines())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    files = {"files": ("private-name.webp", PICTURE.read_bytes())}
    (path,) = visitor.http.post(f"{API}/upload", files=files).json()
    visitor.http.get(f"{API}/file={path}")
    visitor.http.get("/assets/private-name.js")
    visitor.ask(Call(visitor.find_event("analyse"), [{"path": path}, "vit_cifar10", 0.0, ""]))
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert all(isinstance(line["milliseconds"], int) and line["time"] for line in lines)
    asked = [(line["event"], line["status"]) for line in lines]
    for expected in (("/gradio_api/upload", 200), ("/gradio_api/file=", 200), ("analyse", 200)):
        assert asked.count(expected) == 1, asked
    assert ("/assets/", 404) in asked
    (sent,) = [line["bytes"] for line in lines if line["event"] == "/gradio_api/file="]
    assert sent == PICTURE.stat().st_size
    for private in ("private-name", visitor.session, "127.0.0.1"):
        assert private not in written.getvalue()
