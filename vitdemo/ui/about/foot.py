"""The line at the page's foot: where all this comes from."""

from __future__ import annotations

import os

import gradio as gr

from vitdemo.ui.kit.html import Html, tag
from vitdemo.ui.kit.language import label

PAPERS = {
    "ViT": "https://arxiv.org/abs/2010.11929",
    "DynamicViT": "https://arxiv.org/abs/2106.02034",
    "Linear attention": "https://arxiv.org/abs/2006.16236",
}
LICENCE = "https://www.apache.org/licenses/LICENSE-2.0"
CODE = "code.zip"  # which the server makes (serving/code.py)
SPACE = "https://huggingface.co/spaces/{name}/tree/main"


def build() -> gr.HTML:
    """Build the line; the browser translates its two words. A Space leads to its own repository as well."""
    space = os.environ.get("SPACE_ID", "")
    code = {"vitdemo.zip": CODE, "Apache 2.0": LICENCE}
    if space:
        code["Hugging Face"] = SPACE.format(name=space)
    papers, sources = (Html(" · ").join(link(*entry) for entry in group.items()) for group in (PAPERS, code))
    line = tag("p", Html("${label}: "), papers, Html(" · ${value}: "), sources, class_="quiet")
    return gr.HTML(label("Code"), label=label("Papers"), html_template=line, padding=False, elem_id="foot")


def link(words: str, address: str) -> Html:
    """Return a link to another site, in a tab of its own."""
    return tag("a", words, href=address, target="_blank", rel="noopener")
