"""The picture that a visitor uploads. In a file apart, because gradio writes a stub (.pyi) beside it."""

from __future__ import annotations

from typing import Any

import gradio as gr


class Upload(gr.Image):
    """A picture as the visitor sent it: a path, undecoded, because the engine knows more kinds of pictures
    and of damage than gradio does, and says what is wrong."""

    def preprocess(self, payload: Any) -> str | None:
        """The path of the upload, None without one."""
        return None if payload is None else payload.path

    def get_block_name(self) -> str:
        """gradio shows it with the front end of this name."""
        return "image"
