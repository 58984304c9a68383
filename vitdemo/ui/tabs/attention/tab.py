"""The second tab: where the network looked. One payload goes to the browser, which then draws by itself."""

from __future__ import annotations

import json

import gradio as gr

from vitdemo.engine import Engine
from vitdemo.ui.kit.assets import module
from vitdemo.ui.kit.components import QUEUED
from vitdemo.ui.kit.followers import drawn_when_seen
from vitdemo.ui.kit.language import both, label
from vitdemo.ui.kit.session import Left, Values, draw, told
from vitdemo.ui.tabs.attention.words import WORDS


def tab(engine: Engine, left: Left) -> None:
    """The tab, filled when it is seen."""
    with gr.Tab(label("Attention"), elem_id="tab-attention") as opened:
        # By the event the browser asks for one layer of a result that is too large to be sent whole.
        explorer = module(
            "tabs/attention/attention", event="layer", elem_id="explorer", words=both(WORDS), chunk={}
        )

        def show(values: Values) -> Values:
            return {explorer: draw(engine, left, values, engine.explorer)}

        drawn_when_seen(opened, left, show, inputs=set(), outputs=[explorer])

    def layer(values: Values, event: gr.EventData) -> gr.HTML:
        asked = event._data

        def chunk(key: str) -> str:
            return engine.explorer_layer(key, pass_=str(asked["pass"]), layer=int(asked["layer"]))

        with told():
            text = draw(engine, left, values, chunk) if values[left.key] else ""
        # The visitor may have moved on to another picture since: then nobody waits for this layer.
        fits = text and json.loads(text)["id"] == asked["id"]
        # `turn` makes every answer another one: the page would not notice the same text a second time.
        return gr.HTML(chunk={"turn": asked["turn"], "text": text if fits else ""})

    explorer.layer(layer, left.inputs, explorer, trigger_mode="multiple", **QUEUED)
