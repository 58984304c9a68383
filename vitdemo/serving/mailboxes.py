"""What waits to be told to each session, and whether somebody listens."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

from gradio.server_messages import EventMessage
from gradio.utils import LRUCache

CAPACITY = 2000  # sessions, as gradio keeps


class Mailbox(asyncio.Queue[EventMessage]):
    """The messages to one session; gradio's stream waits in `get` as long as a client listens."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners = 0
        self._heard = monotonic()

    @property
    def silence(self) -> float:
        """Seconds since somebody listened last, or since it was made; 0 while somebody does."""
        return 0.0 if self._listeners else monotonic() - self._heard

    async def get(self) -> EventMessage:
        self._listeners += 1
        try:
            return await super().get()
        finally:
            self._listeners -= 1
            self._heard = monotonic()


class Mailboxes(LRUCache[str, Mailbox]):
    """A mailbox for each session, whatever queue gradio would put there."""

    def __init__(self) -> None:
        super().__init__(CAPACITY)

    def __setitem__(self, session: str, queue: Any) -> None:
        super().__setitem__(session, queue if isinstance(queue, Mailbox) else Mailbox())
