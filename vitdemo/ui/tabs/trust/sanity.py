"""Checks on a button: does the page show what the network does?"""

from __future__ import annotations

import gradio as gr

from vitdemo.engine import Engine, Progress
from vitdemo.ui.kit import html as text
from vitdemo.ui.kit.components import gallery, remark
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.section import on_button
from vitdemo.ui.kit.session import Left, Values, open_result
from vitdemo.ui.tabs.trust import checks


def section(engine: Engine, left: Left) -> None:
    """The button, the table of checks and the bars of the layer randomisation; empty for a new result."""
    remark(checks.CHECKS_MORE)
    button = gr.Button(label(checks.CHECKS_BUTTON), size="sm", elem_id="sanity-run")
    words = gr.HTML(padding=False, min_height=40, elem_id="sanity")
    more = gr.HTML(padding=False)
    cascade = gallery(columns=2, elem_id="cascade", allow_preview=True, visible=False)
    outputs = [words, more, cascade]

    def job(values: Values, report: Progress) -> Values:
        found = open_result(engine, left, values, report).inside.sanity()
        images = [(image, say(name)) for image, name in found.images]
        note = text.note(f"{say(checks.CASCADE_MORE)} {say(checks.CASCADE_CLASS)}")
        return {
            words: checks.report(found),
            more: note,
            cascade: gr.update(value=images, visible=True),
        }

    on_button(left, button, job=job, inputs=set(), outputs=outputs)
