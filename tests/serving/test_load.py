"""Many visitors at once, and those who leave: asked over HTTP as any program asks."""

from __future__ import annotations

import time
import tracemalloc

import gradio as gr
import pytest
import torch

from tests.serving.visitors import SOON, Jobs, Visitor, send, wait_until
from vitdemo.engine import Engine
from vitdemo.engine.answers import lab
from vitdemo.limits import Limits
from vitdemo.serving import queue
from vitdemo.serving.sessions import Sessions
from vitdemo.ui.kit.visit import NEWER
from vitdemo.ui.kit.words import CRASHED

MODEL = "vit_cifar10"


def ask_sweep(visitor: Visitor) -> str:
    return visitor.begin("sweep", send(visitor), MODEL)


def test_who_hangs_up_frees_the_worker_within_a_second(url: str, jobs: Jobs) -> None:
    left, next_one = Visitor(url), Visitor(url)
    event = ask_sweep(left)
    with left.listen("sweep", event):
        wait_until(lambda: jobs.begun)
    hung_up = time.monotonic()
    assert '"labels"' in next_one.analyse()
    assert jobs.ended[0] - hung_up < SOON


def test_who_hangs_up_while_waiting_is_not_served(url: str, jobs: Jobs) -> None:
    first, second = Visitor(url), Visitor(url, session="second")
    with first.listen("sweep", ask_sweep(first)):
        wait_until(lambda: jobs.begun)
        with second.listen("sweep", ask_sweep(second)):
            wait_until(jobs.count_waiting)
        wait_until(lambda: not jobs.count_waiting(), seconds=SOON)
        jobs.done.set()
    wait_until(lambda: jobs.ended)
    assert '"labels"' in Visitor(url).analyse()
    assert len(jobs.begun) == 1


def test_who_never_listens_is_given_up(url: str, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """One client queued 66 sweeps and left; the next visitor waited four minutes."""
    visitor = Visitor(url)
    picture = send(visitor)
    answers = [visitor.ask("sweep", picture, MODEL) for _ in range(66)]
    assert sum(answer.status_code == 200 for answer in answers) == Limits().client_requests
    wait_until(lambda: jobs.begun)
    monkeypatch.setattr(queue, "UNHEARD", 0.1)
    wait_until(lambda: jobs.ended, seconds=2 * queue.TIDY_EVERY + SOON)
    monkeypatch.setattr(queue, "UNHEARD", 30.0)
    assert '"labels"' in Visitor(url, session="next").analyse()
    assert len(jobs.begun) == 1, "what waited behind it went with it"


def test_a_client_with_enough_in_work_is_told_so(url: str, jobs: Jobs) -> None:
    visitor, events = Visitor(url), []
    for _ in range(Limits().client_requests):
        events.append(ask_sweep(visitor))
    refused = visitor.ask("sweep", send(visitor), MODEL)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
    assert refused.json() == {
        "detail": "8 of your requests are waiting or running; the next one must wait for one of them."
    }
    chinese = Visitor(url, language="zh-CN").ask("sweep", send(visitor), MODEL)
    assert chinese.json()["detail"].startswith("你已有 8 个请求")
    assert visitor.ask("models").status_code == 200, "light work is not counted"
    assert Visitor(url, session="another").ask("sweep", send(visitor), MODEL).status_code == 200
    jobs.done.set()
    assert all("the job is done" in visitor.hear("sweep", event) for event in events)


def test_light_work_waits_for_nobody(url: str, jobs: Jobs) -> None:
    visitors = [Visitor(url, session=f"heavy {number}") for number in range(6)]
    for visitor in visitors:
        ask_sweep(visitor)
    wait_until(lambda: jobs.begun)
    start = time.monotonic()
    for _ in range(5):
        assert '"dynamicvit_cifar10"' in Visitor(url).answer("models")
    assert time.monotonic() - start < 5 * SOON
    assert not jobs.ended


def test_a_page_that_asks_for_another_result_gives_up_what_it_asked_before(
    url: str, page: gr.Blocks, jobs: Jobs
) -> None:
    (answer,) = [fn for fn in page.fns.values() if fn.api_name == NEWER]
    visitor = Visitor(url, session="a page")
    event = ask_sweep(visitor)
    with visitor.listen("sweep", event) as lines:
        wait_until(lambda: jobs.begun)
        values = [None] * len(answer.inputs)
        joined = {"data": values, "fn_index": answer._id, "session_hash": "a page"}
        assert visitor.http.post("queue/join", json=joined).status_code == 200
        asked = time.monotonic()
        wait_until(lambda: jobs.ended)
        assert jobs.ended[0] - asked < SOON
        assert any("error" in line for line in lines)


def test_a_crash_costs_one_request_and_tells_nothing(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object, **options: object) -> None:
        raise RuntimeError("/secret/path of the server")

    visitor = Visitor(url)
    with monkeypatch.context() as patch:
        patch.setattr(lab, "sweep", crash)
        answer = visitor.answer("sweep", send(visitor), MODEL)
    assert CRASHED in answer
    assert "secret" not in answer
    assert '"labels"' in visitor.analyse()


def test_refused_memory_costs_one_request(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = Visitor(url)
    with monkeypatch.context() as patch:
        patch.setattr(lab, "sweep", lambda *args, **options: torch.empty(2**50))
        answer = visitor.answer("sweep", send(visitor), MODEL)
    assert "There is not enough memory for this request now" in answer
    assert '"labels"' in visitor.analyse()


def test_nothing_is_kept_of_who_has_no_session(url: str, page: gr.Blocks) -> None:
    sessions, line, visitor = page.state_holder, page._queue, Visitor(url)
    assert isinstance(sessions, Sessions)
    known = set(sessions.session_data)
    for _ in range(5):
        assert "complete" in visitor.answer("models")
    visitor.begin("models")  # and never listened for
    wait_until(lambda: set(sessions.session_data) <= known)
    heard = {session for session, ids in line.pending_event_ids_session.items() if not ids}
    wait_until(lambda: not heard & set(line.pending_event_ids_session))
    assert not line.event_ids_to_events
    assert len(line.event_analytics) <= 1


def test_the_visitors_who_were_not_seen_for_longest_are_forgotten(page: gr.Blocks) -> None:
    sessions = Sessions(page, capacity=3)
    for name in "abcd":
        sessions[name].state_data[1] = name
    assert list(sessions.session_data) == list(sessions.time_last_used) == ["b", "c", "d"]
    assert sessions["b"].state_data == {1: "b"}
    assert sessions["a"].state_data == {}
    assert list(sessions.session_data) == ["d", "b", "a"]


def test_a_visitor_costs_a_few_kilobytes(page: gr.Blocks) -> None:
    """It was 411 KB, each component's configuration once more."""
    sessions = Sessions(page, capacity=100)
    tracemalloc.start()
    try:
        for number in range(50):
            sessions[f"{number}"]
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / 50 < 30 * 1024


def test_no_way_leads_past_the_queue(url: str) -> None:
    visitor = Visitor(url)
    assert visitor.http.post("run/analyse", json={"data": [None]}).status_code == 404
