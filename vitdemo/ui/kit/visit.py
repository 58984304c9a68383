"""The request that is being answered: whether somebody still waits for it, and what it waits for itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from gradio.context import LocalContext
from gradio.queueing import Event, Queue

from vitdemo.engine import Engine, Progress, Request, Result
from vitdemo.engine.core.turns import LISTEN, WAITING
from vitdemo.ui.kit.language import say, translate

# Options of every event that decodes a picture or runs a network. The queue lets in so many at a time, and
# one of each visitor (serving/queue.py).
HEAVY: dict[str, Any] = {"concurrency_id": "heavy", "concurrency_limit": 2}
# Options of the others: they draw what is known, and wait for no network. One whose result is gone waits with
# the heavy ones instead (serving/queue.py).
LIGHT: dict[str, Any] = {"concurrency_id": "light", "concurrency_limit": 8}
# Options of an event that waits for the Hub and runs no network, one of each visitor at a time.
HUB: dict[str, Any] = {"concurrency_id": "hub", "concurrency_limit": 16}
# Options of an event that runs a network before anybody has asked, one of all visitors at a time: each pass
# waits for its turn, and it takes no place from those who do ask.
AHEAD: dict[str, Any] = {"concurrency_id": "ahead", "concurrency_limit": 1}
ONE_EACH = (HEAVY["concurrency_id"], HUB["concurrency_id"])  # lines in which a visitor has one place
NEWER = "answer"  # api_name of the event by which a page asks for another result
LONGEST = 80  # letters of an address in a picture
MOST_AWAY = 16  # visitors who may wait for the Hub at once; each takes a thread
SHARE = 8  # of these places, and of those of HUB, that one address may hold
CROWDED = "Too many visitors wait for networks from the Hub now; a bundled network answers at once"
COMING = threading.Lock()  # of whoever looks for a place, until they have it


class Unwanted(Exception):  # noqa: N818 - nobody hears of it
    """Nobody waits for this answer any more: the visitor has left, or asked for something newer."""


def find_address() -> str:
    """Return where the visitor found this page, as people write it; "" where their browser does not tell."""
    request = LocalContext.request.get(None)
    page = urlsplit(request.headers.get("referer", "") if request else "")
    return f"{page.netloc}{page.path}".rstrip("/")[:LONGEST]


def find_event() -> tuple[Queue, Event] | None:
    """Return the queue, and the event of it that this thread answers; None outside of one."""
    page, name = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    event = page._queue.event_ids_to_events.get(name) if page is not None and name is not None else None
    return (page._queue, event) if page is not None and event is not None else None


def may_run_networks() -> bool:
    """Return whether this thread answers an event that has waited in the line of the heavy ones."""
    answered = find_event()
    return answered is not None and is_heavy(answered[1])


def is_heavy(event: Event) -> bool:
    """Return whether the event waits, or has waited, with those that run networks."""
    return event.concurrency_id == HEAVY["concurrency_id"]


def is_replaceable(event: Event) -> bool:
    """Return whether the event runs networks for a result that another may replace."""
    return is_heavy(event) or event.concurrency_id == AHEAD["concurrency_id"]


def make_progress(progress: gr.Progress | None = None) -> Progress:
    """Return what a job of the engine calls to tell how far it is.

    It is told in the visitor's language, on `progress` if there is one. The call raises Unwanted as soon as
    nobody waits for the answer.
    """
    answered = find_event()

    def report(share: float, words: str) -> None:
        if answered is not None and not is_wanted(*answered):
            raise Unwanted
        if progress is not None:
            progress(share, desc=translate(words))

    return report


def is_wanted(queue: Queue, event: Event) -> bool:
    """Return whether somebody still waits for this event.

    gradio forgets an event that is cancelled, and marks one whose client has hung up.
    """
    return event._id in queue.event_ids_to_events and event.alive and not is_outdated(event)


def fetch(engine: Engine, model: str, report: Progress) -> None:
    """Load `model` into memory, if it comes from the Hub.

    A visitor who waits for that is away meanwhile: they leave their place among those who run networks, which
    hold one in memory each, to somebody else, and wait for another then. Raise ValueError where it cannot be
    had, and when too many are away.
    """
    if engine.info(model).bundled or engine.loaded(model):
        return
    with step_aside(report):
        engine.load(model, progress=report)


def analyse(engine: Engine, request: Request, report: Progress) -> Result:
    """Return the result of `request`. Run the network unless memory holds an equal one's.

    A network from the Hub is fetched first.
    """
    fetch(engine, request.model or engine.default_model, report)
    return engine.open(request, progress=report)


@contextmanager
def step_aside(report: Progress) -> Iterator[None]:
    answered = find_event()
    if answered is None:
        yield
        return
    queue, event = answered
    away = list(filter(is_away, list_running(queue)))
    theirs = [one for one in away if find_host(one) == find_host(event)]
    if len(away) >= MOST_AWAY or len(theirs) >= SHARE:
        raise ValueError(say(CROWDED))
    event.away = True  # type: ignore[attr-defined]
    try:
        yield
        come_back(queue, event, report)
    finally:
        event.away = event.back = False  # type: ignore[attr-defined]


def come_back(queue: Queue, event: Event, report: Progress) -> None:
    """Wait for a place among those who run networks. Nobody gets one meanwhile who has not been there."""
    event.back = True  # type: ignore[attr-defined]
    while True:
        with COMING:
            present = [one for one in list_running(queue) if is_heavy(one) and not is_away(one)]
            if len(present) < HEAVY["concurrency_limit"]:
                event.away = False  # type: ignore[attr-defined]
                return
        report(0.0, WAITING)
        time.sleep(LISTEN)


def find_host(event: Event) -> str:
    """Return the address that asks."""
    return event.request.client.host if event.request.client else ""


def list_running(queue: Queue) -> list[Event]:
    """List the events that are being answered."""
    return [event for job in list(queue.active_jobs) for event in job or ()]


def is_outdated(event: Event) -> bool:
    """Return whether the visitor has asked for another result since."""
    return getattr(event, "outdated", False)


def is_away(event: Event) -> bool:
    """Return whether the visitor waits for the Hub."""
    return getattr(event, "away", False)


def is_back(event: Event) -> bool:
    """Return whether the visitor has waited for the Hub, and now does for a place."""
    return getattr(event, "back", False)
