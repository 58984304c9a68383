"""Below the prediction: what speaks for one class, the top one until another is clicked.

The map that is the most faithful to the network stands first, the others behind "More maps".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from vitdemo.engine import ClassMap, Progress
from vitdemo.ui.kit.components import RUN, gallery
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import Html
from vitdemo.ui.kit.language import english, label
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.visit import make_progress
from vitdemo.ui.tabs.prediction import words


def build(session: Session, tab: gr.Tab, top: gr.Label) -> None:
    """Build the maps inside `tab`; a click in `top` chooses their class."""
    brought, chosen = session.first.maps if session.first else (), session.chosen
    heading = gr.HTML(words.write_class_title(brought), padding=False, elem_id="class-title")
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=260):
            first = gallery(caption_maps(brought[:1]), columns=1, elem_id="class-maps")
        with gr.Column(scale=7, min_width=300):
            why = gr.HTML(words.explain_first(brought), padding=False, elem_id="class-why")
            with gr.Accordion(
                label(words.MORE), open=False, visible=bool(brought), elem_id="more-maps"
            ) as more:
                others = gallery(caption_maps(brought[1:]), columns=3, elem_id="other-maps")

    def fill(title: Html | None, maps: Sequence[ClassMap]) -> Values:
        return {
            heading: title,
            first: caption_maps(maps[:1]),
            why: words.explain_first(maps),
            more: gr.update(visible=bool(maps)),
            others: caption_maps(maps[1:]),
        }

    def draw(values: Values, report: Progress) -> Values:
        maps = session.open(values, report).classes(session.find_class(values))
        return fill(words.write_class_title(maps) if maps else words.write_no_classes(), maps)

    def choose(values: Values, event: gr.SelectData) -> Values:
        if not values[session.key]:
            return {heading: gr.skip()}
        picked = (values[session.key], english(str(event.value)))
        with tell_errors():
            return {chosen: picked, **draw({**values, chosen: picked}, make_progress())}

    outputs = [heading, first, why, more, others]
    options = {**RUN, "show_progress": "minimal"}
    part = Part(draw, outputs, inputs={chosen}, empty=lambda values: fill(None, ()))
    session.follow(part, tab, brought=bool(brought), **options)
    top.select(
        choose,
        {*session.inputs, chosen},
        [chosen, *outputs],
        trigger_mode="always_last",
        show_progress_on=[first],
        **options,
    )


def caption_maps(found: Sequence[ClassMap]) -> list[tuple[Any, str]]:
    """Return the maps with their captions."""
    return [(one.image, words.write_map_caption(one.method, one.total)) for one in found]
