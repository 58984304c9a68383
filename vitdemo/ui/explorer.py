"""The second tab: where the network looked. One payload goes to the browser, which then draws by itself."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import quote

import gradio as gr

from vitdemo.engine import Engine
from vitdemo.ui.explorer_text import WORDS
from vitdemo.ui.parts import QUIET
from vitdemo.ui.session import Left, Values, draw, drawn_when_seen, told

STATIC = Path(__file__).parent / "static"
# "layer" is the event by which the browser asks for one layer of a result that is too large to be sent whole.
LOADER = """(async () => {
  const { mount } = await import(new URL(props.module_url, document.baseURI).href);
  mount({ element, trigger, props, watch });  // triggers "layer"
})();"""


def tab(engine: Engine, left: Left) -> None:
    """The tab, filled when it is seen."""
    with gr.Tab("Attention", elem_id="tab-attention") as opened:
        explorer = gr.HTML(
            html_template=(STATIC / "explorer.html").read_text(encoding="utf-8"),
            js_on_load=LOADER,
            apply_default_css=False,
            padding=False,
            elem_id="explorer",
            module_url=module_url(),
            words=WORDS,
            chunk="",
        )

        def show(values: Values) -> Values:
            return {explorer: draw(engine, left, values, engine.explorer)}

        drawn_when_seen(opened, left, show, inputs=set(), outputs=[explorer])

    def layer(values: Values, event: gr.EventData) -> gr.HTML:
        asked = event._data

        def chunk(key: str) -> str:
            return engine.explorer_layer(key, pass_=str(asked["pass"]), layer=int(asked["layer"]))

        with told():
            text = draw(engine, left, values, chunk) if values[left.key] else ""
        # The visitor may have moved on to another picture since: then nobody waits for this layer.
        return gr.HTML(chunk=text if text and json.loads(text)["id"] == asked["id"] else "")

    explorer.layer(layer, left.inputs, explorer, trigger_mode="multiple", **QUIET)


def module_url() -> str:
    """Where the browser gets the code, relative to the page; another address whenever the code changes."""
    entry, digest = STATIC / "explorer.js", hashlib.sha256()
    for path in sorted(STATIC.glob("explorer*.js")):
        digest.update(path.read_bytes())
    return f"gradio_api/file={quote(entry.as_posix())}?v={digest.hexdigest()[:12]}"
