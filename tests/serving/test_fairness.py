"""In which order the queue serves whom, worked by hand on events that nobody runs."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from unittest.mock import Mock

import fastapi
import pytest
from gradio.block_function import BlockFunction
from gradio.queueing import Event, EventQueue
from gradio.server_messages import CloseStreamMessage, ProcessCompletedMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.alone import run_alone
from vitdemo.limits import Limits
from vitdemo.serving import queue as fair
from vitdemo.serving.mailboxes import Mailbox
from vitdemo.serving.queue import Client, FairQueue, find_asker
from vitdemo.ui.kit.visit import AHEAD, HEAVY, is_outdated
from vitdemo.ui.page import Page

PAGE = Page(limits=Limits())


def make_queue(*, length: int = 64) -> FairQueue:
    queue = FairQueue(PAGE, Limits(queue_length=length))
    queue.active_jobs = [None] * 40
    queue.event_queue_per_concurrency_id["heavy"] = EventQueue("heavy", HEAVY["concurrency_limit"])
    return queue


def ask(queue: FairQueue, address: str, session: str | None, *, line: str = "heavy") -> Event:
    """Return an event that waits in a line, that of the heavy ones if no other is named."""
    request = fastapi.Request({"type": "http", "client": (address, 0), "headers": []})
    event = Event(session, SimpleNamespace(concurrency_id=line), request, None)  # type: ignore[arg-type]
    queue.event_queue_per_concurrency_id[line].queue.append(event)
    queue.event_ids_to_events[event._id] = event
    queue.arrive(event)
    return event


def begin(queue: FairQueue) -> Event | None:
    """Return the event that the queue lets in now."""
    found = queue.get_events()
    if found is None:
        return None
    ((event,), _, _) = found
    queue.active_jobs[queue.active_jobs.index(None)] = [event]
    return event


def end(queue: FairQueue, event: Event) -> None:
    queue.active_jobs[queue.active_jobs.index([event])] = None


def serve_all(queue: FairQueue) -> list[Client]:
    """Return whom it serves, if each ends before the next begins."""
    order = []
    while (event := begin(queue)) is not None:
        order.append(find_asker(event))
        end(queue, event)
    return order


def test_who_comes_later_goes_before_the_second_question_of_others() -> None:
    queue = make_queue()
    for session in ("a", "a", "a", "b", "b", None):
        ask(queue, "1.1.1.1" if session else "2.2.2.2", session)
    a, b, other = Client("1.1.1.1", "a"), Client("1.1.1.1", "b"), Client("2.2.2.2", "")
    assert serve_all(queue) == [a, other, b, a, b, a]


def test_sessions_that_are_made_up_win_nothing() -> None:
    """Sixty of one address delay another's question by one job."""
    queue = make_queue()
    for number in range(60):
        ask(queue, "6.6.6.6", f"made up {number}")
    first = begin(queue)
    ask(queue, "1.1.1.1", "a")
    assert first is not None
    second = begin(queue)
    assert second is not None
    assert find_asker(second).address == "1.1.1.1"


def test_one_of_a_client_at_a_time_and_as_many_as_there_are_places() -> None:
    queue = make_queue()
    mine = [ask(queue, "1.1.1.1", "a") for _ in range(3)]
    assert begin(queue) is mine[0]
    assert begin(queue) is None, "the other place is for others"
    others = [ask(queue, "1.1.1.1", name) for name in "bc"]
    assert begin(queue) is others[0]
    assert begin(queue) is None, "all places are taken"
    end(queue, mine[0])
    assert begin(queue) is others[1]


def test_who_is_away_leaves_their_place_to_others() -> None:
    queue = make_queue()
    waiting = [ask(queue, "1.1.1.1", name) for name in "abc"]
    for event in waiting[:2]:
        assert begin(queue) is event
    assert begin(queue) is None
    waiting[0].away = True  # type: ignore[attr-defined]
    assert begin(queue) is waiting[2]


def test_in_a_full_queue_the_greediest_address_makes_room() -> None:
    queue = make_queue(length=4)
    theirs = [ask(queue, "6.6.6.6", name) for name in "abcd"]
    assert not queue.make_room(Client("6.6.6.6", "e")), "not for itself"
    lines = {name: Mailbox() for name in "abcd"}
    queue.pending_messages_per_session.update(lines)
    for left in (3, 2):
        assert queue.make_room(Client("1.1.1.1", f"x{left}"))
        assert queue.list_waiting()[:left] == theirs[:left]
        ask(queue, "1.1.1.1", f"x{left}")
    for name in "dc":
        message = lines[name].get_nowait()
        assert isinstance(message, ProcessCompletedMessage)
        assert "busy with other visitors" in str(message.output)
        assert not message.success
    assert not queue.make_room(Client("1.1.1.1", "y")), "two and two is fair"


def test_nobody_is_kept_waiting_by_those_who_come_later() -> None:
    """One who asks again at once is served before all who come after that."""
    queue = make_queue()
    ask(queue, "1.1.1.1", "again")
    first = begin(queue)
    assert first is not None
    end(queue, first)
    patient = ask(queue, "1.1.1.1", "again")
    order = []
    for number in range(3):
        ask(queue, "1.1.1.1", f"newcomer {number}")
        order.append(event := begin(queue))
        assert event is not None
        end(queue, event)
    assert order.index(patient) == 1, "after the one who came at the same time"


def test_nothing_is_remembered_of_who_has_left() -> None:
    queue = make_queue()
    for number in range(500):
        ask(queue, f"1.1.1.{number % 250}", f"{number}")
        serve_all(queue)
    assert len(queue._served) <= 2


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz")), max_size=40))
def test_nobody_is_served_twice_while_another_who_waits_is_not(arrivals: list[tuple[str, str]]) -> None:
    queue = make_queue()
    for address, session in arrivals:
        ask(queue, address, session)
    order = [client.address for client in serve_all(queue)]
    assert sorted(order) == sorted(address for address, _ in arrivals)
    left = {address: order.count(address) for address in order}
    counts = dict.fromkeys(left, 0)
    for address in order:
        counts[address] += 1
        still = [counts[name] for name in left if counts[name] < left[name]]
        assert counts[address] <= min(still, default=counts[address]) + 1


def test_who_listens_is_kept_and_who_does_not_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose events were all cancelled still waits for the page's next one; it was cut off once."""
    queue = make_queue()
    for name, seconds in (("CLOSED", 0.0), ("UNHEARD", 0.2), ("TIDY_EVERY", 0.01)):
        monkeypatch.setattr(fair, name, seconds)

    async def visit() -> None:
        tidy = asyncio.create_task(queue.keep_tidy())
        queue.mailboxes["page"] = Mailbox()
        queue.pending_event_ids_session["deaf"] = {"asked"}
        queue.mailboxes["deaf"] = Mailbox()
        stream = asyncio.create_task(queue.mailboxes["page"].get())
        await asyncio.sleep(0.1)
        assert set(queue.mailboxes) == {"page", "deaf"}
        await asyncio.sleep(0.3)
        assert set(queue.mailboxes) == {"page"}
        queue.mailboxes["page"].put_nowait(CloseStreamMessage())
        assert isinstance(await stream, CloseStreamMessage)
        await asyncio.sleep(0.1)
        assert not queue.mailboxes
        assert not queue.pending_event_ids_session
        tidy.cancel()

    run_alone(visit())


def test_what_runs_ahead_takes_no_place_and_gives_way_to_a_newer_question() -> None:
    queue = make_queue()
    queue.event_queue_per_concurrency_id["ahead"] = EventQueue("ahead", AHEAD["concurrency_limit"])
    ahead = [ask(queue, f"{number}.1.1.1", "a", line="ahead") for number in range(2)]
    heavy = [ask(queue, f"{number}.1.1.1", "a") for number in range(2)]
    assert {begin(queue) for _ in range(3)} == {*heavy, ahead[0]}
    assert begin(queue) is None, "one at a time"
    queue.outdate(find_asker(ahead[0]), but=Mock(spec=BlockFunction))
    assert [is_outdated(event) for event in ahead] == [True, False]
