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

from tests.serving.alone import run_alone
from vitdemo.limits import Limits
from vitdemo.serving import queue as fair
from vitdemo.serving.mailboxes import Mailbox
from vitdemo.serving.queue import Client, FairQueue, client_of_event
from vitdemo.ui.kit.visit import AHEAD, HEAVY, is_outdated
from vitdemo.ui.page import Page

PAGE = Page(limits=Limits())


def fresh(*, length: int = 64) -> FairQueue:
    queue = FairQueue(PAGE, Limits(queue_length=length))
    queue.active_jobs = [None] * 40
    queue.event_queue_per_concurrency_id["heavy"] = EventQueue("heavy", HEAVY["concurrency_limit"])
    return queue


def asked(queue: FairQueue, address: str, session: str | None, *, line: str = "heavy") -> Event:
    """An event that waits in a line, that of the heavy ones if no other is named."""
    request = fastapi.Request({"type": "http", "client": (address, 0), "headers": []})
    event = Event(session, SimpleNamespace(concurrency_id=line), request, None)  # type: ignore[arg-type]
    queue.event_queue_per_concurrency_id[line].queue.append(event)
    queue.event_ids_to_events[event._id] = event
    queue.arrive(event)
    return event


def begun(queue: FairQueue) -> Event | None:
    """The event that the queue lets in now."""
    found = queue.get_events()
    if found is None:
        return None
    ((event,), _, _) = found
    queue.active_jobs[queue.active_jobs.index(None)] = [event]
    return event


def ended(queue: FairQueue, event: Event) -> None:
    queue.active_jobs[queue.active_jobs.index([event])] = None


def served(queue: FairQueue) -> list[Client]:
    """Whom it serves, if each ends before the next begins."""
    order = []
    while (event := begun(queue)) is not None:
        order.append(client_of_event(event))
        ended(queue, event)
    return order


def test_who_comes_later_goes_before_the_second_question_of_others() -> None:
    queue = fresh()
    for session in ("a", "a", "a", "b", "b", None):
        asked(queue, "1.1.1.1" if session else "2.2.2.2", session)
    a, b, other = Client("1.1.1.1", "a"), Client("1.1.1.1", "b"), Client("2.2.2.2", "")
    assert served(queue) == [a, other, b, a, b, a]


def test_sessions_that_are_made_up_win_nothing() -> None:
    """Sixty of one address delay another's question by one job."""
    queue = fresh()
    for number in range(60):
        asked(queue, "6.6.6.6", f"made up {number}")
    first = begun(queue)
    asked(queue, "1.1.1.1", "a")
    assert first is not None
    second = begun(queue)
    assert second is not None
    assert client_of_event(second).address == "1.1.1.1"


def test_one_of_a_client_at_a_time_and_as_many_as_there_are_places() -> None:
    queue = fresh()
    mine = [asked(queue, "1.1.1.1", "a") for _ in range(3)]
    assert begun(queue) is mine[0]
    assert begun(queue) is None, "the other place is for others"
    others = [asked(queue, "1.1.1.1", name) for name in "bc"]
    assert begun(queue) is others[0]
    assert begun(queue) is None, "all places are taken"
    ended(queue, mine[0])
    assert begun(queue) is others[1]


def test_who_is_away_leaves_their_place_to_others() -> None:
    queue = fresh()
    waiting = [asked(queue, "1.1.1.1", name) for name in "abc"]
    for event in waiting[:2]:
        assert begun(queue) is event
    assert begun(queue) is None
    waiting[0].away = True  # type: ignore[attr-defined]
    assert begun(queue) is waiting[2]


def test_in_a_full_queue_the_greediest_address_makes_room() -> None:
    queue = fresh(length=4)
    theirs = [asked(queue, "6.6.6.6", name) for name in "abcd"]
    assert not queue.make_room(Client("6.6.6.6", "e")), "not for itself"
    lines = {name: Mailbox() for name in "abcd"}
    queue.pending_messages_per_session.update(lines)
    for left in (3, 2):
        assert queue.make_room(Client("1.1.1.1", f"x{left}"))
        assert queue.list_waiting()[:left] == theirs[:left]
        asked(queue, "1.1.1.1", f"x{left}")
    for name in "dc":
        message = lines[name].get_nowait()
        assert isinstance(message, ProcessCompletedMessage)
        assert "busy with other visitors" in str(message.output)
        assert not message.success
    assert not queue.make_room(Client("1.1.1.1", "y")), "two and two is fair"


def test_nobody_is_kept_waiting_by_those_who_come_later() -> None:
    """One who asks again at once is served before all who come after that."""
    queue = fresh()
    asked(queue, "1.1.1.1", "again")
    first = begun(queue)
    assert first is not None
    ended(queue, first)
    patient = asked(queue, "1.1.1.1", "again")
    order = []
    for number in range(3):
        asked(queue, "1.1.1.1", f"newcomer {number}")
        order.append(event := begun(queue))
        assert event is not None
        ended(queue, event)
    assert order.index(patient) == 1, "after the one who came at the same time"


def test_nothing_is_remembered_of_who_has_left() -> None:
    queue = fresh()
    for number in range(500):
        asked(queue, f"1.1.1.{number % 250}", f"{number}")
        served(queue)
    assert len(queue._served) <= 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz")), max_size=40))
def test_nobody_is_served_twice_while_another_who_waits_is_not(arrivals: list[tuple[str, str]]) -> None:
    queue = fresh()
    for address, session in arrivals:
        asked(queue, address, session)
    order = [client.address for client in served(queue)]
    assert sorted(order) == sorted(address for address, _ in arrivals)
    left = {address: order.count(address) for address in order}
    counts = dict.fromkeys(left, 0)
    for address in order:
        counts[address] += 1
        still = [counts[name] for name in left if counts[name] < left[name]]
        assert counts[address] <= min(still, default=counts[address]) + 1


def test_who_listens_is_kept_and_who_does_not_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose events were all cancelled still waits for the page's next one; it was cut off once."""
    queue = fresh()
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
    queue = fresh()
    queue.event_queue_per_concurrency_id["ahead"] = EventQueue("ahead", AHEAD["concurrency_limit"])
    ahead = [asked(queue, f"{number}.1.1.1", "a", line="ahead") for number in range(2)]
    heavy = [asked(queue, f"{number}.1.1.1", "a") for number in range(2)]
    assert {begun(queue) for _ in range(3)} == {*heavy, ahead[0]}
    assert begun(queue) is None, "one at a time"
    queue.outdate(client_of_event(ahead[0]), but=Mock(spec=BlockFunction))
    assert [is_outdated(event) for event in ahead] == [True, False]
