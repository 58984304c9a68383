"""The line at the page's foot: where all this comes from."""

from __future__ import annotations

import os

import gradio as gr

from vitdemo.ui.kit.html import Html, join, tag
from vitdemo.ui.kit.language import label

PAPERS = {
    "ViT": "https://arxiv.org/abs/2010.11929",
    "DynamicViT": "https://arxiv.org/abs/2106.02034",
    "Linear attention": "https://arxiv.org/abs/2006.16236",
}
LICENCE = "https://www.apache.org/licenses/LICENSE-2.0"
SPACE = "https://huggingface.co/spaces/{name}/tree/main"


def build() -> gr.HTML:
    """Build the line; the browser translates its two words. A Space leads to its own code."""
    papers = Html(" · ").join(link(name, address) for name, address in PAPERS.items())
    licence = link("Apache 2.0", LICENCE)
    space = os.environ.get("SPACE_ID", "")
    code = join(" · ", link("Hugging Face", SPACE.format(name=space))) if space else ""
    line = tag("p", Html("${label}: "), papers, Html(" · ${value}: "), licence, code, class_="quiet")
    return gr.HTML(label("Licence"), label=label("Papers"), html_template=line, padding=False, elem_id="foot")


def link(words: str, address: str) -> Html:
    """Return a link to another site, in a tab of its own."""
    return tag("a", words, href=address, target="_blank", rel="noopener")
