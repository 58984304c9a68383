"""Components that several tabs use, in one look."""

from __future__ import annotations

from typing import Any

import gradio as gr

# Events that only draw or fill in: no queue, no spinner, not part of the public API.
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def gallery(pictures: list[Any] | None = None, *, columns: int, **options: Any) -> gr.Gallery:
    """Thumbnails without a frame; the heading stands above it. `allow_preview` unless told otherwise."""
    return gr.Gallery(
        pictures,
        columns=columns,
        fit_columns=False,
        height="auto",
        format="jpeg",
        object_fit="cover",
        interactive=False,
        show_label=False,
        buttons=[],
        **options,
    )


def figure(alt_text: str, **options: Any) -> gr.Image:
    """A picture of a result, exact to the pixel."""
    return gr.Image(
        format="png",
        interactive=False,
        show_label=False,
        buttons=["download", "fullscreen"],
        alt_text=alt_text,
        **options,
    )
