"""What is kept of each visitor: their settings, and nothing that a page can be drawn from."""

from __future__ import annotations

import math
from copy import copy
from datetime import datetime
from typing import Any

import gradio as gr
from gradio.components import State
from gradio.state_holder import SessionState, StateHolder


class VisitorState(SessionState):
    """A visitor's states and changed components.

    gradio keeps the configuration of the page besides, and all that it was ever filled with, for a button
    that this page does not have: half a megabyte each.
    """

    def __init__(self, page: gr.Blocks) -> None:
        self.blocks_config = copy(page.default_config)
        self.config_values: dict[Any, dict[str, Any] | None] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600  # seconds

    def __setitem__(self, key: int, value: Any) -> None:
        if isinstance(self.blocks_config.blocks.get(key), State):
            self._state_ttl[key] = (math.inf, datetime.now())
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        """Do nothing: nobody reads it."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Do nothing: nobody reads it."""


class Sessions(StateHolder):
    """The last `capacity` visitors, those who were not heard of for longest forgotten first."""

    def __init__(self, page: gr.Blocks, *, capacity: int) -> None:
        super().__init__()
        self.blocks = page
        self.capacity = capacity

    def __getitem__(self, session_id: str) -> SessionState:
        with self.lock:
            if session_id not in self.session_data:
                self.session_data[session_id] = VisitorState(self.blocks)
        return super().__getitem__(session_id)

    def forget(self, session_id: str) -> None:
        with self.lock:
            self.session_data.pop(session_id, None)
            self.time_last_used.pop(session_id, None)
