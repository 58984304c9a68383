"""A dropdown that follows another control. In a file apart, because gradio writes a stub (.pyi) beside it."""

from __future__ import annotations

from typing import Any

import gradio as gr


class Choice(gr.Dropdown):
    """An event on its way may still carry a choice that has just gone from the list, which gradio would
    answer with an error; here it reaches the handler, which is to replace it."""

    is_template = True  # gradio shows it with the front end of its base

    def preprocess(self, payload: Any) -> Any:
        """The value as the page sent it."""
        return payload
