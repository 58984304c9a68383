"""Below the prediction: what speaks for one class, the top one until another is clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from vitdemo.engine import ClassMap, Progress
from vitdemo.ui.kit.components import RUN, gallery
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.language import english
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.visit import make_progress
from vitdemo.ui.tabs.prediction import words


def build(session: Session, tab: gr.Tab, top: gr.Label) -> None:
    """Build the row of maps inside `tab`; a click in `top` chooses their class."""
    first, chosen = session.first.maps if session.first else (), session.chosen
    name = first[0].label if first else ""
    heading = gr.HTML(words.write_class_title(name), padding=False, elem_id="class-title")
    maps = gallery(caption_maps(first), columns=4, elem_id="class-maps")

    def draw(values: Values, report: Progress) -> Values:
        found = session.open(values, report).classes(session.find_class(values))
        title = words.write_class_title(found[0].label) if found else words.write_no_classes()
        return {heading: title, maps: caption_maps(found)}

    def choose(values: Values, event: gr.SelectData) -> Values:
        if not values[session.key]:
            return {heading: gr.skip()}
        picked = (values[session.key], english(str(event.value)))
        with tell_errors():
            return {chosen: picked, **draw({**values, chosen: picked}, make_progress())}

    options = {**RUN, "show_progress": "minimal"}
    part = Part(draw, [heading, maps], inputs={chosen})
    session.follow(part, tab, brought=bool(name), **options)
    top.select(
        choose,
        {*session.inputs, chosen},
        [chosen, heading, maps],
        trigger_mode="always_last",
        show_progress_on=[maps],
        **options,
    )


def caption_maps(found: Sequence[ClassMap]) -> list[tuple[Any, str]]:
    """Return the maps with their captions."""
    return [(one.image, words.write_map_caption(one.method, one.total)) for one in found]
