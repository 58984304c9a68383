"""Components that several tabs use, in one look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from vitdemo.engine import REDUCTIONS, SELECTORS, Engine
from vitdemo.examples import Example
from vitdemo.ui.kit.language import label, translate, word
from vitdemo.ui.kit.pictures import Figure, Figures
from vitdemo.ui.kit.visit import HEAVY, LIGHT

# Events that only draw or fill in: no queue, no spinner, not part of the public API.
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# The same for those that warn, set a state whose change starts another event, or draw a result that may be
# gone: that takes gradio's queue.
QUEUED: dict[str, Any] = {**QUIET, "queue": True, **LIGHT}
# The same, where a large part of the page is drawn: it shows that it is busy.
SHOWN: dict[str, Any] = {**QUEUED, "show_progress": "minimal"}
# Events that run a network.
RUN: dict[str, Any] = {**HEAVY, "api_visibility": "private"}


def gallery(pictures: list[Any] | None = None, *, columns: int, **options: Any) -> Figures:
    """Build thumbnails without a frame; the heading stands above them.

    `allow_preview` unless told otherwise.
    """
    return Figures(
        pictures,
        columns=columns,
        fit_columns=False,
        height="auto",
        format="png",
        object_fit="cover",
        interactive=False,
        show_label=False,
        buttons=["download"],  # of the picture that was clicked to see it large
        **options,
    )


def caption_examples(examples: Sequence[Example]) -> list[tuple[str, str]]:
    """Return the thumbnails of `examples`, each with what it shows, as the visitor calls it."""
    return [(str(example.path), word(example.word)) for example in examples]


def list_thumbnails(offered: Sequence[Example], shown: Example | None) -> gr.Gallery:
    """Return the examples that are `offered`, the shown one chosen if it is among them."""
    place = offered.index(shown) if shown in offered else None
    return gr.Gallery(caption_examples(offered), selected_index=place)


def list_networks(engine: Engine, added: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return the choices of a dropdown of networks, those that the visitor has added too."""
    return [(translate(title), key) for title, key in engine.networks.menu(added)]


def heading(words: str, more: str = "", **options: Any) -> gr.HTML:
    """Build a title that never changes, with a line of explanation.

    Both are English, and the browser translates them.
    """
    template = '<h2 class="title">${label}</h2>' + ('<p class="note">${value}</p>' if more else "")
    value = label(more) if more else None
    return gr.HTML(value, label=label(words), html_template=template, padding=False, **options)


def remark(words: str) -> gr.HTML:
    """Build a line of explanation that never changes, in English as that of `heading`."""
    return gr.HTML(label(words), html_template='<p class="note">${value}</p>', padding=False)


def figure(alt_text: str, **options: Any) -> Figure:
    """Build the place of a result's picture, exact to the pixel.

    `alt_text` is English, and the browser translates it.
    """
    return Figure(
        format="png",
        interactive=False,
        show_label=False,
        buttons=["download", "fullscreen"],
        alt_text=label(alt_text),
        **options,
    )


def hide(*components: Any) -> dict[Any, Any]:
    """Return updates that empty the components, and hide pictures, whose empty frames would take room."""
    return {
        one: gr.update(value=None, visible=not isinstance(one, (gr.Image, gr.Gallery))) for one in components
    }


def list_selectors(selectors: tuple[str, ...]) -> list[tuple[Any, str]]:
    """Return the choices of a dropdown of selectors."""
    return [(label(SELECTORS[name].title), name) for name in selectors]


def build_reduction(words: str, more: str, **options: Any) -> gr.Dropdown:
    """Build the choice of what becomes of the patches that are not kept. Both texts are English."""
    choices = [(label(one.title), name) for name, one in REDUCTIONS.items()]
    return gr.Dropdown(
        choices, value=choices[0][1], label=label(words), info=label(more), filterable=False, **options
    )
