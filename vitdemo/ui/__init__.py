"""The page: gradio components, and nothing that computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from vitdemo.engine import Engine, Request
from vitdemo.examples import example_paths
from vitdemo.limits import DEFAULTS, Limits
from vitdemo.ui import api, familiarity, tour, words
from vitdemo.ui.about import foot, terms
from vitdemo.ui.answer import Answering, build_headline
from vitdemo.ui.kit.assets import read, read_styles
from vitdemo.ui.kit.language import label, make_translations
from vitdemo.ui.kit.opening import FIRST_RATIO, First, list_examples
from vitdemo.ui.kit.theme import make_theme
from vitdemo.ui.page import Page
from vitdemo.ui.sidebar import choices, controls, export, link, own
from vitdemo.ui.tabs import TABS

TITLE = "document.title = element.querySelector('h1').textContent"  # gradio does not translate it

# Which run before gradio's.
SCRIPTS = ("kit/again.js", "kit/marks.js", "kit/moved.js", "kit/open_tab.js", "kit/reach.js", "kit/stale.js")

__all__ = ["analyse_first_view", "build", "make_launch_options"]


def build(
    engine: Engine,
    *,
    data_dir: Path | None = None,
    first: First | None = None,
    limits: Limits = DEFAULTS,
) -> Page:
    """Build the page over `engine`; `vitdemo.serving` launches it, behind its queue.

    With a data set under `data_dir` it also offers random test images. With `first`, of
    `analyse_first_view`, it opens with a result; without, nothing runs before a browser opens it.
    """
    with Page(limits=limits, title=words.TITLE, analytics_enabled=False) as page:
        gr.HTML(label(words.SKIP), html_template=words.SKIP_LINK, padding=False, elem_id="skip")
        with gr.Row(elem_id="opening"):
            gr.HTML(
                label(words.LEAD),
                label=label(words.TITLE),
                html_template=words.HEADER,
                js_on_load=TITLE,
                padding=False,
                elem_id="top",
            )
            tour.build()
        terms.build()
        with gr.Row(elem_id="page", equal_height=False):
            with gr.Column(scale=4, min_width=300, elem_id="left"):
                side = controls.build(engine, first=first, data_dir=data_dir, uploads=not limits.read_only)
                session = side.session
                with gr.Row(elem_id="share"):
                    copy = link.build_button(side)
                    export.build(session)
                if not limits.read_only:
                    own.build(side, limits)
            with gr.Column(scale=9, min_width=300, elem_id="right"):
                line = build_headline(first)
                wider = familiarity.build(session)
                with gr.Tabs(overflow_behavior="wrap", elem_id="tabs") as tabs:
                    for tab in TABS:
                        tab.build(session)
        foot.build()
        choices.wire(side, data_dir=data_dir)
        page.is_lost = lambda states: bool(key := states.get(session.key._id)) and not engine.has(key)
        session.wire(tabs)
        Answering(session, line, link.Link(side, copy, link.name_tabs(tabs)), page, wider).wire()
        api.add_endpoints(engine)
    drop_hidden_progress(page)
    return page


def drop_hidden_progress(page: gr.Blocks) -> None:
    """Give a progress that is hidden no place.

    At each step of each event gradio's page looks up all such places of all events so far, a quarter of a
    second for a new result.
    """
    for event in page.fns.values():
        if event.show_progress == "hidden":
            event.show_progress_on = []


def analyse_first_view(engine: Engine) -> First | None:
    """Analyse what a page shows when it opens, so that nobody need wait for it.

    Return None where that is impossible, for a reason that the page will give.
    """
    model = engine.default_model
    picture = str(list_examples(engine, model)[0].path)
    try:
        result = engine.open(Request(picture, model, FIRST_RATIO / 100))
        return First(result.analysis, result.times(), result.classes(count=1), result.ratio_steps(""))
    except ValueError:
        return None


def make_launch_options() -> dict[str, Any]:
    """Return keyword arguments for `Blocks.launch`: private, local, with the look of the page."""
    return {
        "theme": make_theme(),
        "css": read_styles(),
        "i18n": make_translations(),
        "head": "".join([read("kit/head.html"), *(f"<script>{read(name)}</script>" for name in SCRIPTS)]),
        "js": read("kit/page.js"),
        "allowed_paths": [str(path) for path in example_paths().values()],
        "footer_links": ["api", "settings"],
        "run_history": False,  # it would copy uploads into the browser's storage
        "ssr_mode": False,
        "show_error": False,  # unexpected errors may name paths of the server
    }
