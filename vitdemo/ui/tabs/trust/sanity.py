"""Checks on a button: they tell whether the page shows what the network does."""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.ui.kit.components import gallery, remark
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import note
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.session import Session
from vitdemo.ui.tabs.trust import checks


def build(session: Session) -> None:
    """Build the button, the table of checks and the bars of the layer randomisation."""
    remark(checks.CHECKS_MORE)
    button = gr.Button(label(checks.CHECKS_BUTTON), size="sm", elem_id="sanity-run")
    words = gr.HTML(padding=False, min_height=40, elem_id="sanity")
    more = gr.HTML(padding=False)
    cascade = gallery(columns=2, elem_id="cascade", allow_preview=True, visible=False)

    def draw(values: Values, report: Progress) -> Values:
        found = session.open(values, report).inside.sanity()
        images = [(image, say(name)) for image, name in found.images]
        return {
            words: checks.write_checks(found),
            more: note(f"{say(checks.CASCADE_MORE)} {say(checks.CASCADE_CLASS)}"),
            cascade: gr.update(value=images, visible=True),
        }

    session.follow(Part(draw, [words, more, cascade]), button)
