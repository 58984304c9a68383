"""The shown result as files: a picture to be sent, an NPZ with all arrays, a JSON with all the rest."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from urllib.parse import quote

import gradio as gr

from vitdemo.engine import Analysis, Look, Result
from vitdemo.engine.look import from_state
from vitdemo.png import encode_png
from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.components import RUN
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.language import say, say_both
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import check, pick, take
from vitdemo.ui.kit.visit import find_address

WORDS = {
    "group": "Save what is shown",
    "card": "Share card",
    "png": "One picture to send: yours, the patches that were kept, the answer, and this page's address",
    "title": "Download the numbers",
    "npz": "Attention, tokens, scores, probabilities and maps, for numpy.load",
    "json": "Model, setting, answers, costs and versions, and what each array of the NPZ file is",
    "waiting": "Collecting …",
    "saved": "Saved",
}
NOTHING = "There is no result yet."


def build(session: Session) -> None:
    """Build the buttons; each collects its file when it is clicked."""
    group = build_module("sidebar/export", event="export", elem_id="export", words=say_both(WORDS), file="")

    def collect(values: Values, event: gr.EventData) -> gr.HTML:
        turn, wanted = take(event, "turn", int), take(event, "kind", str)
        if not values[session.key]:
            return gr.HTML(file=json.dumps({"asked": turn, "problem": say(NOTHING)}))
        try:
            with tell_errors(html=False):
                result = session.open(values)
                name = name_file(result.analysis)
                if wanted == "map":
                    method, data = write_map(result, session.find_classes(values), take(event, "place", int))
                    kind, name = "png", f"{name}-{method}"
                else:
                    # Until the tab was opened there is none: it is as it will be shown first.
                    look = from_state(check(event._data["look"], dict, type(None)) or {})
                    kind, data = write_content(result, wanted, look)
                path = store_file(group, name, kind=kind, data=data)
        except gr.Error as error:
            return gr.HTML(file=json.dumps({"asked": turn, "problem": error.message}))
        url = f"gradio_api/file={quote(path)}"
        return gr.HTML(file=json.dumps({"asked": turn, "url": url, "name": Path(path).name}))

    options = {**RUN, "show_progress": "hidden", "trigger_mode": "multiple"}
    group.export(collect, {*session.inputs, session.chosen}, group, **options)


def write_content(result: Result, kind: str, look: Look) -> tuple[str, bytes]:
    """Return (how the file's name ends, what is in it)."""
    if kind == "png":
        return kind, encode_png(result.card(find_address()), about=result.analysis.credit)
    record = result.export(look)
    return ("npz", record.to_npz()) if kind == "npz" else ("json", record.to_json().encode("utf-8"))


def write_map(result: Result, classes: tuple[str, str], place: int) -> tuple[str, bytes]:
    """Return (the method, a large picture) of the map at `place` among those of a class and another."""
    label, against = classes
    method = pick(result.class_methods(), place)
    picture = result.draw_class_map(label, method=method, against=against)
    return method, encode_png(picture, about=result.analysis.credit)


def name_file(analysis: Analysis) -> str:
    """Return the name of a file about it, without its ending: the network, and how much it pruned."""
    percent = round(100 * analysis.pruning_ratio)
    return re.sub(r"[^\w.-]+", "-", f"{analysis.model.split('@')[0]}-{percent}")


def store_file(component: gr.HTML, name: str, *, kind: str, data: bytes) -> str:
    """Store `data` as a file in gradio's cache and return its path.

    The cache copies it atomically, and deletes what is old.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.{kind}"
        file.write_bytes(data)
        path = component.move_resource_to_block_cache(file)
    assert path is not None
    return path
