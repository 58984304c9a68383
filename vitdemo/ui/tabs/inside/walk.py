"""The visitor's own picture on its way through the network, step by step."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from vitdemo.engine import Engine
from vitdemo.ui.kit import html as text
from vitdemo.ui.kit.components import QUEUED, figure
from vitdemo.ui.kit.language import label, translate
from vitdemo.ui.kit.section import Section
from vitdemo.ui.kit.session import Left, Values, open_result, told


def section(engine: Engine, left: Left) -> Section:
    """The steps, the picture of one of them, and its words."""
    step = gr.Radio([], show_label=False, container=False, elem_id="steps")
    with gr.Row(equal_height=False):
        with gr.Column(scale=6, min_width=300):
            picture = figure("The picture at this step", height=430, elem_id="step-figure")
        with gr.Column(scale=5, min_width=280):
            words = gr.HTML(padding=False, elem_id="step-text")
            with gr.Row(elem_id="step-buttons"):
                back = gr.Button(label("Back"), size="sm", min_width=80, elem_id="step-back")
                onward = gr.Button(label("Next"), size="sm", min_width=80, elem_id="step-next")
    outputs = [step, picture, words]

    def show(values: Values, *, move: int = 0) -> Values:
        steps = open_result(engine, left, values).inside.walk()
        number = min(max((values[step] or 0) + move, 0), len(steps) - 1)
        choices = [(f"{index + 1} · {translate(now.title)}", index) for index, now in enumerate(steps)]
        return {
            step: gr.Radio(choices, value=number),
            picture: steps[number].image,
            words: text.step(number, len(steps), steps[number]),
        }

    def moved(move: int) -> Callable[[Values], Values]:
        def go(values: Values) -> Values:
            if not values[left.key]:
                return {words: gr.skip()}
            with told():
                return show(values, move=move)

        return go

    for event, move in ((step.input, 0), (back.click, -1), (onward.click, 1)):
        event(moved(move), {*left.inputs, step}, outputs, **QUEUED)
    return Section(show, {step}, outputs)
