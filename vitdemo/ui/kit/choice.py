"""A dropdown that follows another control. In a file apart, because gradio writes a stub (.pyi) beside it."""

from __future__ import annotations

from typing import Any

import gradio as gr


class Choice(gr.Dropdown):
    """A dropdown that takes a choice which has just gone from its list.

    An event on its way may still carry it. gradio would answer with an error; here it reaches the handler,
    which is to replace it.
    """

    is_template = True  # gradio shows it with the front end of its base

    def preprocess(self, payload: Any) -> Any:
        """Return the value as the page sent it."""
        return payload
