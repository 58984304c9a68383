"""Where the network looked. One payload goes to the browser, which then draws by itself."""

from __future__ import annotations

import json

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.components import QUEUED
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.language import label, say_both
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import take
from vitdemo.ui.tabs.attention.words import OPTIONS, WORDS


def build(session: Session) -> None:
    """Build the tab, filled when it is seen."""
    with gr.Tab(label("Attention"), elem_id="tab-attention") as tab:
        # By the event the browser asks for one layer of a result that is too large to be sent whole.
        attention = build_module(
            "tabs/attention/attention",
            event="layer",
            elem_id="attention",
            words=say_both(WORDS),
            methods=OPTIONS,
            chunk={},
        )

        def draw(values: Values, report: Progress) -> Values:
            return {attention: session.open(values, report).payload()}

        session.follow(Part(draw, [attention]), tab)

    def send_layer(values: Values, event: gr.EventData) -> gr.HTML:
        asked = {"pass_": take(event, "pass", str), "layer": take(event, "layer", int)}
        turn, shown, text = take(event, "turn", int), take(event, "id", str), ""
        if values[session.key]:
            with tell_errors():
                result = session.open(values)
                text = result.payload_layer(**asked)
        # The visitor may have moved on to another picture since: then nobody waits for this layer.
        fits = text and json.loads(text)["id"] == shown
        # `turn` makes every answer another one: the page would not notice the same text a second time.
        return gr.HTML(chunk={"turn": turn, "text": text if fits else ""})

    attention.layer(send_layer, session.inputs, attention, trigger_mode="multiple", **QUEUED)
