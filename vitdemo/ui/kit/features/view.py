"""The component that draws features. It asks for those of one layer at a time."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from vitdemo.engine import Expired, Result
from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.components import QUEUED
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import take


def build_view(session: Session, beside: gr.State, *, words: dict[str, Any], elem_id: str) -> Any:
    """Build a component whose value is `Result.features` of the shown result.

    `beside`: the key of another result that it is compared with, or None. By its event "layer" the browser
    asks for the features after one layer, by "keep" to have this result kept beside those that come.
    """
    view: Any = build_module(
        "kit/features/features", event="layer keep", elem_id=elem_id, words=words, chunk={}
    )

    def find(values: Values, number: str) -> Result | None:
        """Return the shown or the other result by the beginning of its key; None for another, or if gone."""
        shown, other = values[session.key], values[beside]
        if shown and shown.startswith(number):
            return session.open(values)
        if not other or not other.startswith(number):
            return None
        try:
            return session.engine.recall(other)
        except Expired:
            return None

    def send_layer(values: Values, event: gr.EventData) -> gr.HTML:
        place = {"pass_": take(event, "pass", str), "layer": take(event, "layer", int)}
        number, turn = take(event, "id", str), take(event, "turn", int)
        with tell_errors():
            result = find(values, number)
            gone = json.dumps({"id": number})
            text = result.features_layer(**place) if result else gone
        # `turn` makes every answer another one: the page would not notice the same text a second time.
        return gr.HTML(chunk={"turn": turn, "text": text})

    view.layer(send_layer, {*session.inputs, beside}, view, trigger_mode="multiple", **QUEUED)
    return view
