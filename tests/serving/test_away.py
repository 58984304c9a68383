"""Who waits for the Hub: no address holds all places, and who comes back waits for one among the others."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from gradio.queueing import EventQueue

from tests.serving.test_fairness import ask, begin, end, make_queue
from tests.serving.visitors import wait_until
from vitdemo.serving.queue import FairQueue
from vitdemo.ui.kit import visit
from vitdemo.ui.kit.visit import HUB, MOST_AWAY, SHARE, is_away, step_aside


def test_one_address_holds_half_of_the_places_of_the_hub() -> None:
    """However many sessions it makes up: sixteen slow downloads would keep everybody else from theirs."""
    queue = make_queue()
    queue.event_queue_per_concurrency_id["hub"] = EventQueue("hub", HUB["concurrency_limit"])
    for number in range(MOST_AWAY):
        ask(queue, "6.6.6.6", f"made up {number}", line="hub")
    theirs = [begin(queue) for _ in range(SHARE)]
    assert None not in theirs
    assert begin(queue) is None
    other = ask(queue, "1.1.1.1", "a", line="hub")
    assert begin(queue) is other
    assert theirs[0] is not None
    end(queue, theirs[0])
    assert begin(queue) is not None


def run_away(
    queue: FairQueue, come: threading.Event, count: int, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """Have so many of one address wait until the networks `come`; return what each was told, as it ends."""
    here, told = threading.local(), []
    monkeypatch.setattr(visit, "find_event", lambda: (queue, here.event))

    def work(event: Any) -> None:
        here.event = event
        try:
            with step_aside(lambda share, text: None):
                come.wait()
            told.append("")
        except ValueError as error:
            told.append(str(error))

    for number in range(count):
        ask(queue, "6.6.6.6", f"{number}")
        event = begin(queue)
        assert event is not None
        refused = len(told)
        threading.Thread(target=work, args=(event,), daemon=True).start()
        wait_until(lambda event=event, refused=refused: is_away(event) or len(told) > refused)
        if len(told) > refused:
            end(queue, event)
    return told


def test_who_comes_back_from_the_hub_waits_for_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each of them would hold a network in memory, and wait for the machine with it."""
    queue, come = make_queue(), threading.Event()
    told = run_away(queue, come, SHARE + 1, monkeypatch)
    assert len(told) == 1, "one address may hold half of these places, too"
    assert told[0].startswith("Too many visitors wait for networks from the Hub now")
    away = [event for event in visit.list_running(queue) if is_away(event)]
    assert len(away) == SHARE
    other = ask(queue, "1.1.1.1", "a")
    assert begin(queue) is other, "a bundled network answers at once"
    come.set()
    wait_until(lambda: len(told) == 2)
    ask(queue, "2.2.2.2", "b")
    for _ in range(SHARE - 1):
        assert begin(queue) is None, "nobody new before those who have been there"
        (back,) = [one for one in visit.list_running(queue) if not is_away(one) and one is not other]
        end(queue, back)
        before = len(told)
        wait_until(lambda before=before: len(told) > before)
    assert told.count("") == SHARE
