"""Below the prediction: what speaks for one class, the top one until another is clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from vitdemo.engine import ClassMap, Engine
from vitdemo.ui.kit.components import gallery
from vitdemo.ui.kit.followers import drawn_when_seen
from vitdemo.ui.kit.session import Left, Values, chosen_class, open_result, told
from vitdemo.ui.kit.visit import HEAVY
from vitdemo.ui.tabs.prediction import words


def row(
    engine: Engine,
    left: Left,
    *,
    tab: gr.Tab,
    label: gr.Label,
    first: Sequence[ClassMap] = (),
) -> gr.State:
    """The maps, to be built inside `tab`; when a page opens they show `first`. Returns the state that holds
    the clicked class.

    Its value is (key of the result, class), or None; it counts only as long as its result is shown.
    """
    chosen = gr.State(None)
    name = first[0].label if first else ""
    heading = gr.HTML(words.class_title(name), padding=False, elem_id="class-title")
    maps = gallery(frames(first), columns=4, elem_id="class-maps")

    def show(values: Values) -> Values:
        name = chosen_class(values, left, chosen)
        found = open_result(engine, left, values).classes(name)
        title = words.class_title(found[0].label) if found else words.no_classes()
        return {heading: title, maps: frames(found)}

    def clicked(values: Values, event: gr.SelectData) -> Values:
        if not values[left.key]:
            return {heading: gr.skip()}
        picked = (values[left.key], str(event.value))
        with told():
            return {chosen: picked, **show({**values, chosen: picked})}

    drawn_when_seen(tab, left, show, inputs={chosen}, outputs=[heading, maps], first=name or None, **HEAVY)
    label.select(
        clicked,
        {*left.inputs, chosen},
        [chosen, heading, maps],
        trigger_mode="always_last",
        **HEAVY,
        show_progress="minimal",
        show_progress_on=[maps],
        api_visibility="private",
    )
    return chosen


def frames(found: Sequence[ClassMap]) -> list[tuple[Any, str]]:
    """The maps with their captions."""
    return [(one.image, words.map_caption(one.method, one.total)) for one in found]
