"""The visitor's own pictures: large ones are made smaller in the browser, which also keeps the last one."""

from __future__ import annotations

import gradio as gr

from vitdemo.limits import Limits
from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.components import QUIET
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.language import say, say_both
from vitdemo.ui.kit.received import is_uploaded
from vitdemo.ui.kit.words import FOREIGN
from vitdemo.ui.sidebar import words
from vitdemo.ui.sidebar.choices import choose_other
from vitdemo.ui.sidebar.controls import Sidebar

OWN = """(image, note) => (note?.includes("data-own") && image?.url) || \"\""""
WORDS = {
    "kept": "This browser keeps your picture until you forget it, and nobody else does: "
    "the server deletes its copy soon after.",
    "former": "Your last picture is still in this browser.",
    "show": "Show it",
    "forget": "Forget it",
    "refused": "{name} has more than {limit} MB, and is no picture that your browser can make smaller.",
    "shrunk": "A photo of {size} MB was made smaller in your browser: the server takes up to {limit} MB.",
}


def build(side: Sidebar, limits: Limits) -> None:
    """Build the line about the last picture, below the ways to choose one."""
    session = side.session
    kept = build_module(
        "sidebar/own",
        event="restore",
        elem_id="own",
        words=say_both(WORDS),
        limit=limits.upload_megabytes,
        value="",
    )
    shown = [session.image, side.note]
    gr.on([part.change for part in shown], None, shown, kept, js=OWN, **QUIET)

    def restore(event: gr.EventData) -> Values:
        path = event._data["path"]
        if not is_uploaded(path):
            raise gr.Error(say(FOREIGN), print_exception=False)
        return choose_other(side, path, words.write_own_note(say(words.YOURS)))

    kept.restore(restore, None, [*shown, side.examples, side.strip], **QUIET)
