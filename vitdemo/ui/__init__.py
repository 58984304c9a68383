"""The page: gradio components, and nothing that computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from vitdemo.engine import DEFAULT_MODEL, Engine, Request
from vitdemo.examples import example_paths
from vitdemo.ui import api, card, compare, explorer, inside, keep, link, prediction, referee, text, tokens
from vitdemo.ui.controls import FIRST_RATIO, left_column, wire_left
from vitdemo.ui.language import label, translations
from vitdemo.ui.theme import calm

STATIC = Path(__file__).parent / "static"
DAY = 86400  # seconds
TITLE = "document.title = element.querySelector('h1').textContent"  # gradio does not translate it

__all__ = ["build", "first_view", "launch_options"]


def build(engine: Engine, *, data_dir: Path | None = None) -> gr.Blocks:
    """The page over `engine`. With a data set under `data_dir` it also offers random test images.

    Nothing runs before a browser opens it; launch with `launch_options()`.
    """
    with gr.Blocks(title=text.TITLE, analytics_enabled=False, delete_cache=(DAY, DAY)) as page:
        gr.HTML(
            label(text.LEAD),
            label=label(text.TITLE),
            html_template=text.HEADER,
            js_on_load=TITLE,
            padding=False,
            elem_id="top",
        )
        with gr.Row(elem_id="page", equal_height=False):
            with gr.Column(scale=4, min_width=300, elem_id="left"):
                left = left_column(engine, data_dir=data_dir)
                with gr.Row(elem_id="share"):
                    copy = link.button(left)
                    keep.buttons(engine, left)
            with gr.Column(scale=9, min_width=300, elem_id="right"):
                headline = gr.HTML(text.waiting(label(text.NO_IMAGE)), padding=False, elem_id="headline")
                card.notice(engine, left)
                with gr.Tabs(overflow_behavior="wrap", elem_id="tabs") as tabs:
                    *result, chosen = prediction.tab(engine, left)
                    explorer.tab(engine, left)
                    tokens.tab(engine, left)
                    referee.tab(engine, left, chosen=chosen)
                    inside.tab(engine, left)
                    compare.tab(engine, left)
        wire_left(engine, left, data_dir=data_dir)
        shown = link.Link(copy, tabs=link.named(tabs))
        prediction.wire(engine, page, left, outputs=(headline, *result), link=shown)
        api.endpoints(engine)
    page.queue(max_size=64)
    return page


def first_view(engine: Engine) -> None:
    """Analyses what a page shows when it is opened, so that the first visitor need not wait for it."""
    picture = next(iter(example_paths().values()))
    engine.analyse(Request(str(picture), DEFAULT_MODEL, FIRST_RATIO / 100))


def launch_options() -> dict[str, Any]:
    """Keyword arguments for `Blocks.launch`: private, local, with the look of the page."""
    return {
        "theme": calm(),
        "css": "\n".join(path.read_text(encoding="utf-8") for path in sorted(STATIC.glob("*.css"))),
        "i18n": translations(),
        "head": (STATIC / "head.html").read_text(encoding="utf-8"),
        "js": (STATIC / "page.js").read_text(encoding="utf-8"),
        "allowed_paths": [str(STATIC), *(str(path) for path in example_paths().values())],
        "max_file_size": "20mb",
        "footer_links": ["api", "settings"],
        "run_history": False,  # it would copy uploads into the browser's storage
        "ssr_mode": False,
        "show_error": False,  # unexpected errors may name paths of the server
    }
