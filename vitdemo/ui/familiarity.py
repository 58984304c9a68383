"""The notice about pictures unlike those that the model was validated on, below the answer."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Analysis, Expired, Progress
from vitdemo.engine.answers.inside import Familiarity
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import Html, note, tag
from vitdemo.ui.kit.language import say, translate
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

NEAREST = "The answer is only what comes nearest: it cannot say anything else."
FAMILIAR = "The picture looks like those that the network has learned from."


def build(session: Session) -> None:
    """Build the line."""
    line = gr.HTML(padding=False, elem_id="familiarity")

    def draw(values: Values, report: Progress) -> Values:
        try:
            result = session.engine.recall(values[session.key])
            return {line: notice(result.analysis, result.inside.familiarity())}
        except Expired:  # others have just pushed it out
            return {line: None}

    session.follow(Part(draw, [line]), None)


def notice(analysis: Analysis, found: Familiarity | None) -> Html:
    """Return what is known of how familiar the picture is: by the network's own test, else by confidence."""
    if analysis.unfamiliar is None:
        return familiarity(found)
    if analysis.unfamiliar:
        return tag("p", f"{translate(analysis.warning)}. {say(NEAREST)}", class_="unusual", role="note")
    return note(say(FAMILIAR))


def familiarity(found: Familiarity | None) -> Html:
    """The notice about a picture unlike those of the validation split; nothing where that is not known."""
    if found is None:
        return Html("")
    sentence = UNSURE if found.unusual else SURE
    words = say(sentence, surer=found.surer, confidence=percent(found.confidence))
    if found.unusual:
        return tag("p", words, class_="unusual", role="note")
    return note(words)
