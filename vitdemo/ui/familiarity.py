"""The notice about pictures unlike those that the model was validated on, below the answer."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Analysis, Engine, Expired, Progress
from vitdemo.engine.answers.inside import Confidence
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import Html, note, tag
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.words import percent

SURE = (
    "With all patches it is {confidence} sure: of 100 pictures that it was validated on, {surer} made it "
    "surer. A sure answer does not prove that the picture is of a familiar kind."
)
UNSURE = (
    "With all patches it is only {confidence} sure: of 100 pictures that it was validated on, {surer} made "
    "it surer. The picture may be unlike anything that it was trained on, so take the answer with care."
)

NEAREST = "The answer is only what comes nearest: it cannot say anything else."
WIDER = "Ask a network that knows {count} words"
FAMILIAR = "The picture looks like those that the network has learned from."


def build(session: Session) -> gr.Button:
    """Build the line, and return the button below it that asks a network which knows more words."""
    line = gr.HTML(padding=False, elem_id="familiarity")
    wider = gr.Button(visible=False, size="sm", variant="secondary", elem_id="wider")

    def draw(values: Values, report: Progress) -> Values:
        try:
            result = session.engine.recall(values[session.key])
            shown = write_notice(result.analysis, result.inside.rank_confidence())
        except Expired:  # others have just pushed it out
            return {line: None, wider: gr.Button(visible=False)}
        return {line: shown, wider: offer(session.engine, result.analysis.model)}

    session.follow(
        Part(draw, [line, wider], empty=lambda values: {line: None, wider: gr.Button(visible=False)}), None
    )
    return wider


def offer(engine: Engine, model: str) -> gr.Button:
    """Return the button: shown where a network in the cache of the Hub knows more words than `model`."""
    key = engine.networks.find_wider(model)
    if key is None:
        return gr.Button(visible=False)
    return gr.Button(say(WIDER, count=f"{engine.networks.count_words(key):,}"), visible=True)


def write_notice(analysis: Analysis, found: Confidence | None) -> Html:
    """Return what is known of how familiar the picture is: by the network's own test, else by confidence.

    Nothing is known of it at another size than the network's own, which is said instead.
    """
    if analysis.resized:
        return note(translate(analysis.resized))
    if analysis.unfamiliar is None:
        return write_confidence(found)
    if analysis.unfamiliar:
        return tag("p", f"{translate(analysis.warning)}. {say(NEAREST)}", class_="unusual", role="note")
    return note(say(FAMILIAR))


def write_confidence(found: Confidence | None) -> Html:
    """Return the notice about a picture unlike those of the validation split.

    It is empty where nobody knows how sure the network usually is.
    """
    if found is None:
        return Html("")
    sentence = UNSURE if found.unusual else SURE
    words = say(sentence, surer=found.surer, confidence=percent(found.confidence))
    if found.unusual:
        return tag("p", words, class_="unusual", role="note")
    return note(words)
