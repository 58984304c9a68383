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
from vitdemo.ui.kit.visit import reported
from vitdemo.ui.tabs.prediction import words


def build(session: Session, tab: gr.Tab, top: gr.Label) -> None:
    """Build the row of maps inside `tab`; a click in `top` chooses their class."""
    first, chosen = session.first.maps if session.first else (), session.chosen
    name = first[0].label if first else ""
    heading = gr.HTML(words.class_title(name), padding=False, elem_id="class-title")
    maps = gallery(frames(first), columns=4, elem_id="class-maps")

    def draw(values: Values, report: Progress) -> Values:
        found = session.open(values, report).classes(session.chosen_class(values))
        title = words.class_title(found[0].label) if found else words.no_classes()
        return {heading: title, maps: frames(found)}

    def clicked(values: Values, event: gr.SelectData) -> Values:
        if not values[session.key]:
            return {heading: gr.skip()}
        picked = (values[session.key], english(str(event.value)))
        with tell_errors():
            return {chosen: picked, **draw({**values, chosen: picked}, reported())}

    options = {**RUN, "show_progress": "minimal"}
    part = Part(draw, [heading, maps], inputs={chosen})
    session.follow(part, tab, brought=bool(name), **options)
    top.select(
        clicked,
        {*session.inputs, chosen},
        [chosen, heading, maps],
        trigger_mode="always_last",
        show_progress_on=[maps],
        **options,
    )


def frames(found: Sequence[ClassMap]) -> list[tuple[Any, str]]:
    """Return the maps with their captions."""
    return [(one.image, words.map_caption(one.method, one.total)) for one in found]
