"""The second tab: where the network looked. One payload goes to the browser, which then draws by itself."""

from __future__ import annotations

import json

import gradio as gr

from vitdemo.engine import Engine
from vitdemo.ui.kit.assets import module
from vitdemo.ui.kit.components import QUEUED
from vitdemo.ui.kit.followers import drawn_when_seen
from vitdemo.ui.kit.language import both, label
from vitdemo.ui.kit.session import Left, Values, open_result, told
from vitdemo.ui.tabs.attention.words import WORDS


def tab(engine: Engine, left: Left) -> None:
    """The tab, filled when it is seen."""
    with gr.Tab(label("Attention"), elem_id="tab-attention") as opened:
        # By the event the browser asks for one layer of a result that is too large to be sent whole.
        explorer = module(
            "tabs/attention/attention", event="layer", elem_id="explorer", words=both(WORDS), chunk={}
        )

        def show(values: Values) -> Values:
            return {explorer: open_result(engine, left, values).payload()}

        drawn_when_seen(opened, left, show, inputs=set(), outputs=[explorer])

    def layer(values: Values, event: gr.EventData) -> gr.HTML:
        asked, text = event._data, ""
        if values[left.key]:
            with told():
                result = open_result(engine, left, values)
                text = result.payload_layer(pass_=str(asked["pass"]), layer=int(asked["layer"]))
        # The visitor may have moved on to another picture since: then nobody waits for this layer.
        fits = text and json.loads(text)["id"] == asked["id"]
        # `turn` makes every answer another one: the page would not notice the same text a second time.
        return gr.HTML(chunk={"turn": asked["turn"], "text": text if fits else ""})

    explorer.layer(layer, left.inputs, explorer, trigger_mode="multiple", **QUEUED)
