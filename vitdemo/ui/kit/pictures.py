"""The pictures that come and go. In a file apart, because gradio writes a stub (.pyi) beside it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vitdemo.ui.kit.served import served


class Upload(gr.Image):
    """A picture as the visitor sent it: a path, undecoded, because the engine knows more kinds of pictures
    and of damage than gradio does, and says what is wrong."""

    is_template = True  # gradio shows it with the front end of its base

    def preprocess(self, payload: Any) -> str | None:
        """The path of the upload, None without one."""
        return None if payload is None else payload.path


class Figure(gr.Image):
    """A picture of a result; see `served`."""

    is_template = True  # gradio shows it with the front end of its base

    def postprocess(self, value: Any) -> Any:
        """What the browser is told of it."""
        return super().postprocess(served(value, self.GRADIO_CACHE))


class Figures(gr.Gallery):
    """Pictures of a result, with or without captions; see `served`."""

    is_template = True  # gradio shows it with the front end of its base

    def postprocess(self, value: list[Any] | None) -> Any:
        """What the browser is told of them."""
        return super().postprocess([self.one(entry) for entry in value or []])

    def one(self, entry: Any) -> Any:
        """A picture, or a picture and its caption."""
        if isinstance(entry, tuple):
            return served(entry[0], self.GRADIO_CACHE), entry[1]
        return served(entry, self.GRADIO_CACHE)
