"""Two pictures and one network: which patches of the one are like a patch of the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.examples import recognise
from vitdemo.ui.kit.components import RUN, gallery, list_thumbnails, remark
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.features.view import build_view
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.language import label, say_both
from vitdemo.ui.kit.session import Session, list_examples
from vitdemo.ui.kit.visit import analyse, make_progress
from vitdemo.ui.tabs.compare import words


def build_pictures(session: Session) -> None:
    """Build the section: the picture of the left column beside an example. To be called inside the tab."""
    with gr.Accordion(label(words.PICTURES), open=False, elem_id="compare-pictures") as section:
        remark(words.PICTURES_MORE)
        examples = gallery(columns=10, allow_preview=False, elem_id="compare-examples")
        chosen = gr.State(None)  # the example that was clicked
        beside = gr.State(None)  # the key of its result
        view = build_view(session, beside, words=say_both(words.PAIR), elem_id="compare-features")

    def draw(values: Values, report: Progress) -> Values:
        request, other = session.make_request(values), values[chosen]
        offered, shown = list_examples(session.engine, request.model), recognise(str(request.image))
        if other not in offered:
            other = next((example for example in offered if example != shown), offered[0])
        found = analyse(session.engine, replace(request, image=str(other.path)), report)
        return {
            view: session.open(values, report).features(beside=found),
            beside: found.key,
            examples: list_thumbnails(offered, other),
        }

    def choose(values: Values, event: gr.SelectData) -> Values:
        if not values[session.key]:
            return {chosen: gr.skip()}
        picked = list_examples(session.engine, values[session.model])[event.index]
        with tell_errors():
            return {chosen: picked, **draw({**values, chosen: picked}, make_progress())}

    options: dict[str, Any] = {**RUN, "show_progress": "minimal", "show_progress_on": [view]}
    outputs, inputs = [view, beside, examples], {*session.inputs, chosen}
    session.follow(Part(draw, outputs, inputs={chosen}), section, **options)
    examples.select(choose, inputs, [chosen, *outputs], trigger_mode="always_last", **options)
