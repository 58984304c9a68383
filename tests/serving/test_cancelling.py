"""Who may cancel a request: nobody but who has made it."""

from __future__ import annotations

import gradio as gr

from tests.serving.visitor import API, Call, Visitor
from tests.serving.visitors import Jobs, wait_until
from vitdemo.serving.queue import FairQueue


def join(visitor: Visitor, name: str) -> str:
    """Have an event wait, and return its number."""
    number = visitor.find_event(name)
    picture = visitor.list_inputs(visitor.find_event("answer"))[:1]
    data = picture + visitor.list_inputs(number)[1:]
    return visitor.post("queue/join", Call(number, data)).json()["event_id"]


def cancel(visitor: Visitor, session: str, event: str, name: str = "sweep") -> None:
    body = {"session_hash": session, "fn_index": visitor.find_event(name), "event_id": event}
    assert visitor.http.post(f"{API}/cancel", json=body).json() == {"success": True}


def test_nobody_cancels_what_another_waits_for(url: str, page: gr.Blocks, jobs: Jobs) -> None:
    line = page._queue
    assert isinstance(line, FairQueue)
    mine, other = Visitor(url), Visitor(url)
    running, waiting = (join(mine, "sweep") for _ in range(2))
    wait_until(
        lambda: line.event_ids_to_events[waiting] in line.list_waiting() and len(line.list_pending()) == 2
    )
    for event in (running, waiting):
        for session in (other.session, "", event):
            cancel(other, session, event)
    assert {one._id for one in line.list_pending()} == {running, waiting}
    cancel(mine, mine.session, waiting)
    assert {one._id for one in line.list_pending()} == {running}
    cancel(mine, mine.session, running)
    wait_until(lambda: not line.list_pending())
