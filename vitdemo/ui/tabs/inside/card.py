"""The model card of the weights in use."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.ui.kit.components import gallery
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import title
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.session import Session
from vitdemo.ui.tabs.inside import words


def build(session: Session) -> Part:
    """Build the card and its figures; one sentence where the weights came without a card."""
    card = gr.Markdown(elem_id="card", latex_delimiters=[], header_links=False)
    above = gr.HTML(padding=False)
    figures = gallery(columns=3, elem_id="card-figures", allow_preview=True)

    def draw(values: Values, report: Progress) -> Values:
        result = session.open(values, report)
        found = result.inside.card()
        shown = found.markdown or words.write_no_card(found)
        if result.analysis.resized:
            shown = f"*{translate(result.analysis.resized)}*\n\n{shown}"
        heading = title(say(words.CARD_FIGURES)) if found.figures else ""
        return {card: shown, above: heading, figures: list(found.figures)}

    return Part(draw, [card, above, figures])
