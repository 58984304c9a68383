"""Two pictures and one network: which patches of the one are like a patch of the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.examples import Example, recognise
from vitdemo.ui.kit.components import RUN, gallery, list_thumbnails, remark
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.features.view import build_view
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.language import label, say_both
from vitdemo.ui.kit.opening import list_examples
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import check, pick
from vitdemo.ui.kit.visit import analyse, make_progress
from vitdemo.ui.tabs.compare import words


def build_pictures(session: Session) -> None:
    """Build the section: the picture of the left column beside an example, or another of the visitor's.

    To be called inside the tab.
    """
    with gr.Accordion(label(words.PICTURES), open=False, elem_id="compare-pictures") as section:
        remark(words.PICTURES_MORE)
        with gr.Row(elem_id="compare-others"):
            second = gr.UploadButton(
                label(words.SECOND),
                file_types=["image"],
                size="sm",
                visible=bool(session.image.interactive),
                elem_id="compare-second",
            )
            examples = gallery(columns=10, allow_preview=False, elem_id="compare-examples")
        chosen = gr.State(None)  # the example that was clicked, or the path of the second picture
        beside = gr.State(None)  # the key of its result
        view = build_view(session, beside, words=say_both(words.PAIR), elem_id="compare-features")

    def draw(values: Values, report: Progress) -> Values:
        request, other = session.make_request(values), values[chosen]
        offered, shown = list_examples(session.engine, request.model), recognise(str(request.image))
        if not isinstance(other, str) and other not in offered:
            other = next((example for example in offered if example != shown), offered[0])
        path = other if isinstance(other, str) else str(other.path)
        found = analyse(session.engine, replace(request, image=path), report)
        return {
            view: session.open(values, report).features(beside=found),
            beside: found.key,
            examples: list_thumbnails(offered, None if isinstance(other, str) else other),
        }

    def show(values: Values, picked: Example | str) -> Values:
        if not values[session.key]:
            return {chosen: gr.skip()}
        with tell_errors():
            return {chosen: picked, **draw({**values, chosen: picked}, make_progress())}

    def choose(values: Values, event: gr.SelectData) -> Values:
        return show(values, pick(list_examples(session.engine, values[session.model]), event.index))

    def receive(values: Values) -> Values:
        return show(values, check(values[second], str))

    options: dict[str, Any] = {**RUN, "show_progress": "minimal", "show_progress_on": [view]}
    outputs, inputs = [view, beside, examples], {*session.inputs, chosen}
    session.follow(Part(draw, outputs, inputs={chosen}), section, **options)
    options["trigger_mode"] = "always_last"
    examples.select(choose, inputs, [chosen, *outputs], **options)
    second.upload(receive, {*inputs, second}, [chosen, *outputs], **options)
