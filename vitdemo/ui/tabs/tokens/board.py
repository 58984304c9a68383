"""Token surgery: a board of patches in the browser, and the answer to each change of it."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import gradio as gr

from vitdemo.engine import Result
from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.components import RUN
from vitdemo.ui.kit.errors import explain, tell_errors
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.language import say_both
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import take, take_all
from vitdemo.ui.tabs.tokens import words as lab_text


def build_board(session: Session) -> tuple[gr.HTML, gr.HTML]:
    """Build the board, whose value is `payload(...)`, and the answer beside it; wired to each other."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=280):
            patches = build_module(
                "tabs/tokens/board", event="edit", elem_id="lab-board", words=say_both(lab_text.BOARD_WORDS)
            )
        with gr.Column(scale=6, min_width=280):
            answer = gr.HTML(lab_text.write_surgery(None), padding=False, elem_id="lab-surgery")

    def operate(values: Values, event: gr.EventData) -> Any:
        if (
            take(event, "key", str) != values[session.key]
        ):  # the visitor has moved on to another picture since
            return gr.skip()
        keep, drop = (take_all(event, name, int) for name in ("keep", "drop"))
        with tell_errors():
            try:
                found = session.open(values).lab.operate(keep=keep, drop=drop)
            except ValueError as error:
                return lab_text.write_surgery(None, explain(error))
            return lab_text.write_surgery(found)

    # One of each visitor at a time: the last change's answer is the last to arrive.
    options = {**RUN, "show_progress": "hidden", "trigger_mode": "multiple"}
    patches.edit(operate, session.inputs, answer, **options)
    return patches, answer


def pack_board(result: Result) -> str:
    """Return what the board shows: the picture, the grid, and the stage that drops each patch, else 0."""
    file = io.BytesIO()
    result.lab.view().save(file, format="JPEG", quality=90)
    grid, stage = result.lab.drop_stages()
    return json.dumps(
        {
            "key": result.key,
            "view": "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii"),
            "grid": grid,
            "stage": stage,
        }
    )
