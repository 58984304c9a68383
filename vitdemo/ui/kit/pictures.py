"""The pictures that come and go. In a file apart, because gradio writes a stub (.pyi) beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from vitdemo.ui.kit.served import serve_picture


class Upload(gr.Image):
    """A picture as the visitor sent it: a path, undecoded.

    The engine knows more kinds of pictures and of damage than gradio does, and says what is wrong.
    """

    is_template = True  # gradio shows it with the front end of its base

    def preprocess(self, payload: Any) -> str | None:
        """Return the path of the upload, None without one."""
        return None if payload is None else payload.path

    def postprocess(self, value: Any) -> ImageData | None:
        """Return what the browser is told of a path.

        gradio itself would read a file that is called a drawing.
        """
        return None if value is None else ImageData(path=value, orig_name=Path(value).name)


class Figure(gr.Image):
    """A picture of a result; see `serve_picture`."""

    is_template = True  # gradio shows it with the front end of its base

    def postprocess(self, value: Any) -> Any:
        """Return what the browser is told of the picture."""
        return super().postprocess(serve_picture(value, self.GRADIO_CACHE))


class Figures(gr.Gallery):
    """Pictures of a result, with or without captions; see `serve_picture`."""

    is_template = True  # gradio shows it with the front end of its base

    def postprocess(self, value: list[Any] | None) -> Any:
        """Return what the browser is told of the pictures."""
        return super().postprocess([self.one(entry) for entry in value or []])

    def one(self, entry: Any) -> Any:
        """Return the path of a picture, or that and its caption.

        gradio itself would read what is named as text and called a drawing.
        """
        if isinstance(entry, tuple):
            return self.one(entry[0]), entry[1]
        return Path(str(serve_picture(entry, self.GRADIO_CACHE)))
