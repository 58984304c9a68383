"""What each patch is like to the network. The browser draws by itself, and asks for one layer at a time."""

from __future__ import annotations

import json

import gradio as gr

from vitdemo.engine import Expired, Progress, Result
from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.components import QUEUED, QUIET
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.features.words import TAB, WORDS
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.language import label, say_both
from vitdemo.ui.kit.session import Session


def build(session: Session) -> None:
    """Build the tab, filled when it is seen. A visitor may keep one result beside those that come."""
    with gr.Tab(label(TAB), elem_id="tab-features") as tab:
        # By "layer" the browser asks for the features after one layer, by "keep" to have this result kept.
        features = build_module(
            "kit/features/features", event="layer keep", elem_id="features", words=say_both(WORDS), chunk={}
        )
        kept = gr.State(None)  # the key of that result

        def draw(values: Values, report: Progress) -> Values:
            return {features: session.open(values, report).features()}

        session.follow(Part(draw, [features]), tab)

    def find(values: Values, number: str) -> Result | None:
        """Return the shown or the kept result by the beginning of its key; None for another, or if gone."""
        shown, beside = values[session.key], values[kept]
        if shown and shown.startswith(number):
            return session.open(values)
        if not beside or not beside.startswith(number):
            return None
        try:
            return session.engine.recall(beside)
        except Expired:
            return None

    def send_layer(values: Values, event: gr.EventData) -> gr.HTML:
        asked = event._data
        with tell_errors():
            result = find(values, str(asked["id"]))
            gone = json.dumps({"id": asked["id"]})
            place = {"pass_": str(asked["pass"]), "layer": int(asked["layer"])}
            text = result.features_layer(**place) if result else gone
        # `turn` makes every answer another one: the page would not notice the same text a second time.
        return gr.HTML(chunk={"turn": asked["turn"], "text": text})

    def keep(values: Values, event: gr.EventData) -> str | None:
        key = values[session.key]
        return key if key and key.startswith(str(event._data["id"])) else values[kept]

    features.layer(send_layer, {*session.inputs, kept}, features, trigger_mode="multiple", **QUEUED)
    features.keep(keep, {session.key, kept}, kept, **QUIET)
