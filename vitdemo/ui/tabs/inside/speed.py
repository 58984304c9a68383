"""The speed card: counted and measured cost of this model's variants, on a button."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Engine, Progress
from vitdemo.ui.kit.components import remark
from vitdemo.ui.kit.language import label
from vitdemo.ui.kit.section import on_button
from vitdemo.ui.kit.session import Left, Values
from vitdemo.ui.kit.visit import fetch
from vitdemo.ui.tabs.inside import costs


def section(engine: Engine, left: Left) -> None:
    """The button and the tables; empty for a new result, whose model may be another."""
    remark(costs.SPEED_MORE)
    button = gr.Button(label(costs.SPEED_BUTTON), size="sm", elem_id="speed-run")
    words = gr.HTML(padding=False, min_height=40, elem_id="speed")

    def job(values: Values, report: Progress) -> Values:
        fetch(engine, values[left.model], report)
        card = engine.speed(values[left.model], values[left.ratio] / 100, progress=report)
        return {words: costs.speed(card)}

    on_button(left, button, job=job, inputs=set(), outputs=[words])
