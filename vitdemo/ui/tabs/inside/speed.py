"""The speed card: counted and measured cost of this model's variants, on a button."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.ui.kit.components import remark
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.language import label
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.visit import fetch
from vitdemo.ui.tabs.inside import costs


def build(session: Session) -> None:
    """Build the button and the tables; empty for a new result, whose model may be another."""
    remark(costs.SPEED_MORE)
    button = gr.Button(label(costs.SPEED_BUTTON), size="sm", elem_id="speed-run")
    words = gr.HTML(padding=False, min_height=40, elem_id="speed")

    def draw(values: Values, report: Progress) -> Values:
        engine, model = session.engine, values[session.model]
        size = session.open(values, report).analysis.input_size
        fetch(engine, model, report)
        card = engine.speed(model, values[session.ratio] / 100, input_size=size, progress=report)
        return {words: costs.write_speed(card)}

    session.follow(Part(draw, [words]), button)
