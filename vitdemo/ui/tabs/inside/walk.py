"""The visitor's own picture on its way through the network, step by step."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.ui.kit.components import figure
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.language import label, translate
from vitdemo.ui.kit.session import Session
from vitdemo.ui.tabs.inside import words


def build(session: Session) -> Part:
    """Build the steps, the picture of one of them, and its words."""
    step = gr.Radio([], show_label=False, container=False, elem_id="steps")
    with gr.Row(equal_height=False):
        with gr.Column(scale=6, min_width=300):
            picture = figure("The picture at this step", height=430, elem_id="step-figure")
        with gr.Column(scale=5, min_width=280):
            said = gr.HTML(padding=False, elem_id="step-text")
            with gr.Row(elem_id="step-buttons"):
                back = gr.Button(label("Back"), size="sm", min_width=80, elem_id="step-back")
                onward = gr.Button(label("Next"), size="sm", min_width=80, elem_id="step-next")

    def draw(values: Values, report: Progress, *, move: int = 0) -> Values:
        steps = session.open(values, report).inside.walk()
        number = min(max((values[step] or 0) + move, 0), len(steps) - 1)
        choices = [(f"{index + 1} · {translate(now.title)}", index) for index, now in enumerate(steps)]
        return {
            step: gr.Radio(choices, value=number),
            picture: steps[number].image,
            said: words.write_step(number, len(steps), steps[number]),
        }

    part = Part(draw, [step, picture, said], inputs={step})
    for event, move in ((step.input, 0), (back.click, -1), (onward.click, 1)):
        session.redraw([event], replace(part, draw=partial(draw, move=move)), trigger_mode="once")
    return part
