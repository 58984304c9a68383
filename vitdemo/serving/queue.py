"""The line in front of the page: fair between visitors, bounded, and without those who have left."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import Any, NamedTuple

import fastapi
from gradio.block_function import BlockFunction
from gradio.context import LocalContext
from gradio.data_classes import PredictBodyInternal
from gradio.exceptions import Error
from gradio.queueing import Event, EventQueue, Queue
from gradio.server_messages import ProcessCompletedMessage
from gradio.utils import error_payload, run_coro_in_background

from vitdemo.limits import Limits
from vitdemo.serving.mailboxes import Mailboxes
from vitdemo.serving.sessions import Sessions
from vitdemo.ui.kit import visit
from vitdemo.ui.kit.language import say
from vitdemo.ui.page import Page

UNHEARD = 30.0  # seconds that a request may go without anybody who listens to it
CLOSED = 2.0  # seconds after which nobody listens again to what was answered
TIDY_EVERY = 0.5  # seconds
RETRY_AFTER = 2  # seconds that a refused visitor is asked to wait
SESSION = 64  # letters that the name of a session may have
LONG_SESSION = "The name of a session may have {limit} letters."
FULL = "The server is busy with other visitors; in a few seconds there may be room."
TOO_MANY = "{limit} of your requests are waiting or running; the next one must wait for one of them."


class Client(NamedTuple):
    """Who asks.

    Visitors behind one address are told apart by their sessions; programs without a session are one client
    an address. A session costs nothing to make up, so fairness begins at the addresses.
    """

    address: str
    session: str


class FairQueue(Queue):
    """gradio's queue with another order and an end.

    The next request is that of the address, and there of the session, that was served longest ago. A client
    has at most `client_requests` heavy ones waiting or running, and one of them in work. In a full queue the
    address that fills it most makes room for others.
    """

    def __init__(self, page: Page, limits: Limits) -> None:
        super().__init__(
            live_updates=True,
            concurrency_count=page.max_threads,
            update_intervals=1,
            max_size=None,  # see `push`
            blocks=page,
        )
        self.page = page
        self.limits = limits
        self.event_queue_per_concurrency_id[visit.HEAVY["concurrency_id"]] = EventQueue(**visit.HEAVY)
        self.ANALYTICS_MAX_EVENTS = 1
        self._served: dict[str | Client, int] = {}
        self._turns = 0
        self.mailboxes = Mailboxes()
        self.pending_messages_per_session = self.mailboxes  # type: ignore[assignment]

    def start(self) -> None:
        super().start()
        self.blocks.app.state_holder = Sessions(self.blocks, capacity=self.limits.sessions)
        self.blocks.state_holder = self.blocks.app.state_holder
        run_coro_in_background(self.keep_tidy)

    def compute_analytics_summary(self, records: Any) -> dict[str, Any]:
        """Do nothing: gradio would make a table of its last 10,000 events after each."""
        return self.cached_event_analytics_summary

    async def push(
        self, body: PredictBodyInternal, request: fastapi.Request, username: str | None
    ) -> tuple[Any, Any, Any]:
        """Line up an event as gradio does. Raise HTTPException, one sentence, when there is no room."""
        if len(body.session_hash or "") > SESSION:
            raise make_error(422, request, LONG_SESSION, limit=SESSION)
        wanted = self.blocks.fns.get(body.fn_index) if body.fn_index is not None else None
        client = find_client(request, body.session_hash)
        heavy = wanted is not None and self.is_heavy(wanted, body.session_hash)
        if heavy:
            theirs = [one for one in self.list_pending() if visit.is_heavy(one) and find_asker(one) == client]
            if len(theirs) >= self.limits.client_requests:
                raise make_error(429, request, TOO_MANY, limit=self.limits.client_requests)
        if len(self) >= self.limits.queue_length and not self.make_room(client):
            raise make_error(503, request, FULL)
        answer = await super().push(body, request, username)
        if event := self.event_ids_to_events.get(str(answer[1])):
            self.arrive(event)
            if heavy:
                self.promote(event)
        if wanted is not None and wanted.api_name == visit.NEWER and client.session:
            self.outdate(client, but=wanted)
        return answer

    def is_heavy(self, fn: BlockFunction, session: str | None) -> bool:
        """Return whether an event runs a network: of itself, or since the result that it draws is gone."""
        return fn.concurrency_id == visit.HEAVY["concurrency_id"] or self.page.has_lost(session)

    def promote(self, event: Event) -> None:
        """Move an event, which gradio has put at the end of a line, to that of the heavy ones."""
        self.event_queue_per_concurrency_id[event.concurrency_id].queue.remove(event)
        event.concurrency_id = visit.HEAVY["concurrency_id"]
        self.event_queue_per_concurrency_id[event.concurrency_id].queue.append(event)

    def arrive(self, event: Event) -> None:
        """Note when it came, in turns: after those who were not served since, before the last one served."""
        event.arrived = self._turns - 0.5  # type: ignore[attr-defined]

    def outdate(self, client: Client, *, but: BlockFunction) -> None:
        """Let what a page has asked about the result before give way to the question for another."""
        for event in self.list_pending():
            if visit.is_replaceable(event) and event.fn is not but and find_asker(event) == client:
                event.outdated = True  # type: ignore[attr-defined]

    def list_pending(self) -> list[Event]:
        """Return all that wait or run."""
        return [*self.list_waiting(), *visit.list_running(self)]

    def list_waiting(self) -> list[Event]:
        return [event for line in self.event_queue_per_concurrency_id.values() for event in line.queue]

    def make_room(self, client: Client) -> bool:
        """Return whether the address with most requests had to give up its last one for `client`."""
        addresses = [find_asker(event).address for event in self.list_waiting()]
        greediest = max(addresses, key=addresses.count)
        if addresses.count(greediest) <= addresses.count(client.address) + 1:
            return False
        last = max(
            (event for event in self.list_waiting() if find_asker(event).address == greediest),
            key=lambda event: event.enqueue_time,
        )
        self.event_queue_per_concurrency_id[last.concurrency_id].queue.remove(last)
        self.event_ids_to_events.pop(last._id, None)
        payload = error_payload(Error(say_to(last.request, FULL)), False)
        self.send_message(last, ProcessCompletedMessage(output=payload, title="", success=False))
        return True

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """Return the next event, of those that may run now. The caller holds the lock of the lines."""
        for line in self.event_queue_per_concurrency_id.values():
            event = self.choose_next(line)
            if event is not None:
                line.queue.remove(event)
                self.note_served(find_asker(event))
                return [event], False, line.concurrency_id
        return None

    def choose_next(self, line: EventQueue) -> Event | None:
        """Return the fairest choice of a line that has a free place."""
        busy = [event for event in visit.list_running(self) if event.concurrency_id == line.concurrency_id]
        present = [event for event in busy if not visit.is_away(event) or visit.is_back(event)]
        if line.concurrency_limit is not None and len(present) >= line.concurrency_limit:
            return None
        ready = line.queue
        if line.concurrency_id in visit.ONE_EACH:
            at_work = {find_asker(event) for event in present if not visit.is_outdated(event)}
            ready = [event for event in ready if find_asker(event) not in at_work]
        if line.concurrency_id == visit.HUB["concurrency_id"]:
            held = Counter(find_asker(event).address for event in busy)
            ready = [event for event in ready if held[find_asker(event).address] < visit.SHARE]
        return min(ready, key=self.rank, default=None)  # of equals the first that came

    def rank(self, event: Event) -> tuple[float, float]:
        """Return when its address and its client were served last, or when it came if that was later.

        Nobody who comes later and later can keep it waiting.
        """
        client, arrived = find_asker(event), getattr(event, "arrived", 0.0)
        address_served, served = (self._served.get(name, 0) for name in (client.address, client))
        return max(address_served, arrived), max(served, arrived)

    def note_served(self, client: Client) -> None:
        """Remember the turn, only of those who have something in the queue."""
        self._turns += 1
        known = {client, *(find_asker(event) for event in self.list_waiting())}
        known_names: set[str | Client] = {*known, *(one.address for one in known)}
        self._served = {name: turn for name, turn in self._served.items() if name in known_names}
        self._served[client] = self._served[client.address] = self._turns

    async def process_events(
        self, events: list[Event], batch: bool, begin_time: float, fn: BlockFunction
    ) -> None:
        """Work as gradio does; of a request without a session keep nothing."""
        try:
            await super().process_events(events, batch, begin_time, fn)
        finally:
            for event in events:
                if event.session_hash == event._id and isinstance(self.blocks.state_holder, Sessions):
                    self.blocks.state_holder.forget(event.session_hash)

    async def keep_tidy(self) -> None:
        """Drop what belongs to clients who do not listen (any more), until the queue is closed."""
        while not self.stopped:
            await asyncio.sleep(TIDY_EVERY)
            sessions = [*self.pending_event_ids_session, *self.pending_messages_per_session]
            for session in dict.fromkeys(sessions):
                silence = self.mailboxes[session].silence if session in self.mailboxes else math.inf
                if silence > UNHEARD:
                    await self.clean_events(session_hash=session)
                    self.drop(session)
                elif silence > CLOSED and self.is_over(session):
                    self.drop(session)

    def is_over(self, session: str) -> bool:
        """Return whether all that it asked for was answered and heard."""
        return not self.pending_event_ids_session.get(session) and self.mailboxes[session].empty()

    def drop(self, session: str) -> None:
        self.pending_event_ids_session.pop(session, None)
        self.mailboxes.pop(session, None)


def find_client(request: fastapi.Request, session: str | None) -> Client:
    """Return who asks, by the address that `serving.proxies` found before the request came here."""
    return Client(request.client.host if request.client else "", session or "")


def find_asker(event: Event) -> Client:
    named = event.session_hash if event.session_hash != event._id else None
    return find_client(event.request, named)


def make_error(status: int, request: fastapi.Request, sentence: str, **gaps: object) -> fastapi.HTTPException:
    headers = {"Retry-After": str(RETRY_AFTER)}
    return fastapi.HTTPException(status, say_to(request, sentence, **gaps), headers)


def say_to(request: fastapi.Request, sentence: str, **gaps: object) -> str:
    token = LocalContext.request.set(request)  # type: ignore[arg-type]
    try:
        return say(sentence, **gaps)
    finally:
        LocalContext.request.reset(token)


def line_up(page: Page, limits: Limits) -> None:
    """Put the queue in front of `page`, before it is launched. No way leads past it."""
    page.queue(api_open=False)
    page._queue = FairQueue(page, limits)
