"""A result that memory no longer holds is analysed again only by events that wait in line for a network."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
import pytest

from tests.api.networks import PICTURE
from tests.browser.server import serve_page
from tests.engine.bundle import draw_picture
from tests.serving.test_foreign_files import find_sentence
from tests.serving.visitor import API, Call, Visitor
from tests.serving.visitors import Jobs, wait_until
from vitdemo.engine import Engine, Expired, Request
from vitdemo.limits import Limits
from vitdemo.serving.queue import FairQueue

# What the browser says of a click, for every event that wants to know: a place, a layer, a file.
CLICK = {"index": [3, 3], "value": "cat", "pass": "dense", "layer": 0, "turn": 1, "id": "", "kind": "json"}


@pytest.fixture(scope="module")
def engine(models: object) -> Engine:
    """One that keeps a single result: the next picture drops it."""
    return Engine(device="cpu", models_dir=models, limits=Limits(result_megabytes=1e-6))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def url(engine: Engine, pages: list[gr.Blocks]) -> Iterator[str]:
    with serve_page(engine) as address:
        yield address


def upload(visitor: Visitor) -> dict[str, Any]:
    (path,) = visitor.http.post(f"{API}/upload", files={"files": ("a.webp", PICTURE.read_bytes())}).json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def call(visitor: Visitor, event: int, image: dict[str, Any]) -> Call:
    """Return the event as the visitor's page would start it, with their own picture."""
    own = {"picture": image, "several": [image]}
    parts = [visitor.components[part] for part in visitor.events[event]["inputs"]]
    data = [own.get(part["props"].get("elem_id")) or visitor.find_value(part["id"]) for part in parts]
    return Call(event, data, CLICK)


def lose_result(visitor: Visitor, engine: Engine) -> dict[str, Any]:
    """Return the visitor's picture: they have seen its result, which somebody else's has pushed out."""
    image = upload(visitor)
    (answer,) = visitor.ask(call(visitor, visitor.find_event("answer"), image))
    assert "headline" in answer
    engine.open(Request(draw_picture(), "vit_cifar10"))
    return image


def test_no_event_outside_the_queue_runs_a_network_or_decodes_a_picture(
    visitor: Visitor, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, before = lose_result(visitor, engine), engine.forwards
    decoded: list[str] = []
    for name, target in (("engine", "vitdemo.engine.core.turns.Turns.turn"), ("page", "PIL.Image.open")):
        monkeypatch.setattr(target, make_refusing(decoded, name))
    free = [number for number, event in visitor.events.items() if event["queue"] is False]
    assert len(free) > 8
    visitor.ask(*(call(visitor, one, image) for one in free))
    assert not decoded
    assert engine.forwards == before


def make_refusing(calls: list[str], name: str) -> Callable[..., None]:
    """Return what notes in `calls` that it was called, and then does nothing but fail."""

    def refuse(*_: object, **__: object) -> None:
        calls.append(name)
        raise AssertionError(f"{name}: outside the queue")

    return refuse


def test_a_page_that_opens_does_not_decode_what_was_uploaded(
    visitor: Visitor, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (number,) = [one for one, event in visitor.events.items() if event["targets"][0][1] == "load"]
    image, decoded = upload(visitor), []
    monkeypatch.setattr(engine._pool.decoding, "turn", make_refusing(decoded, "engine"))
    (answer,) = visitor.ask(call(visitor, number, image))
    assert not decoded
    assert find_sentence(answer) is None
    assert '"pending":true' in answer.replace(" ", ""), "the page asks in a second event"


def test_an_event_whose_result_is_lost_waits_for_those_that_run_networks(
    visitor: Visitor, engine: Engine, page: gr.Blocks, jobs: Jobs
) -> None:
    """Two others hold both places; it comes when one of them is done."""
    image, line = lose_result(visitor, engine), page._queue
    assert isinstance(line, FairQueue)
    others = [Visitor(visitor.url, session=secrets.token_hex(6)) for _ in range(2)]
    for other in others:
        other.post("queue/join", Call(other.find_event("sweep"), [upload(other), "vit_cifar10"]))
    wait_until(lambda: len(line.list_pending()) == 2 and not line.list_waiting())
    wait_until(lambda: jobs.begun and jobs.count_waiting() == 1)  # one holds the machine, so nothing runs
    before = engine.forwards
    asked = visitor.post("queue/join", call(visitor, visitor.find_started("step-next"), image))
    assert asked.status_code == 200
    assert [event.concurrency_id for event in line.list_waiting()] == ["heavy"]
    assert engine.forwards == before
    jobs.done.set()
    wait_until(lambda: not line.list_pending())
    assert engine.forwards > before


def test_a_result_that_is_lost_on_the_way_is_told(
    visitor: Visitor, engine: Engine, page: gr.Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = lose_result(visitor, engine)
    monkeypatch.setattr(page, "has_lost", lambda session: False)  # it is still there when the event is queued
    (answer,) = visitor.ask(call(visitor, visitor.find_started("step-next"), image))
    assert find_sentence(answer) == f"{Expired('')}."
