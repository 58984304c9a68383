"""The model card of the weights in use, and the notice about pictures unlike those they were validated on."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Engine, Expired
from vitdemo.ui.kit import html as text
from vitdemo.ui.kit.components import QUIET, gallery
from vitdemo.ui.kit.language import say
from vitdemo.ui.kit.section import Section
from vitdemo.ui.kit.session import Left, Values, open_result, told
from vitdemo.ui.tabs.inside import words


def notice(engine: Engine, left: Left) -> None:
    """How sure the model is against its validation pictures; it follows the result by itself."""
    line = gr.HTML(padding=False, elem_id="familiarity")

    def arrived(values: Values) -> Values:
        if not values[left.key]:
            return {line: None}
        with told():
            try:
                return {line: words.familiarity(engine.recall(values[left.key]).inside.familiarity())}
            except Expired:  # others have just pushed it out
                return {line: None}

    left.key.change(arrived, left.inputs, [line], **QUIET)


def section(engine: Engine, left: Left) -> Section:
    """The card and its figures; one sentence where the weights came without a card."""
    card = gr.Markdown(elem_id="card", latex_delimiters=[], header_links=False)
    title = gr.HTML(padding=False)
    figures = gallery(columns=3, elem_id="card-figures", allow_preview=True)

    def show(values: Values) -> Values:
        found = open_result(engine, left, values).inside.card()
        shown = found.markdown or words.no_card(found)
        heading = text.title(say(words.CARD_FIGURES)) if found.figures else ""
        return {card: shown, title: heading, figures: list(found.figures)}

    return Section(show, set(), [card, title, figures])
