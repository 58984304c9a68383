"""The notice about pictures unlike those that the model was validated on, below the answer."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Expired, Progress
from vitdemo.engine.answers.inside import Familiarity
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import Html, note, tag
from vitdemo.ui.kit.language import say
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.words import percent

SURE = (
    "The dense pass is {confidence} sure of its answer. It was surer on {surer} % of the pictures it was "
    "validated on. A sure answer does not prove that the picture is of a familiar kind."
)
UNSURE = (
    "Less sure than on {surer} % of the pictures it was validated on. The dense pass is {confidence} sure of "
    "its answer; the picture may be unlike anything that this model was trained on, so take the answer with "
    "care."
)


def build(session: Session) -> None:
    """Build the line."""
    line = gr.HTML(padding=False, elem_id="familiarity")

    def draw(values: Values, report: Progress) -> Values:
        try:
            return {line: familiarity(session.engine.recall(values[session.key]).inside.familiarity())}
        except Expired:  # others have just pushed it out
            return {line: None}

    session.follow(Part(draw, [line]), None)


def familiarity(found: Familiarity | None) -> Html:
    """The notice about a picture unlike those of the validation split; nothing where that is not known."""
    if found is None:
        return Html("")
    sentence = UNSURE if found.unusual else SURE
    words = say(sentence, surer=found.surer, confidence=percent(found.confidence))
    if found.unusual:
        return tag("p", words, class_="unusual", role="note")
    return note(words)
