"""A tour of the page in five steps, and its words."""

from __future__ import annotations

import gradio as gr

from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.language import say_both

WORDS = {
    "start": "Tour",
    "leave": "Leave",
    "back": "Back",
    "next": "Next",
    "done": "Done",
    "count": "{step} of {steps}",
    "title_0": "Patches fall away",
    "text_0": "The network cuts the picture into patches, and drops those that it needs least, stage by "
    "stage. What is grey never reaches the rest of it.",
    "title_1": "The answer stays",
    "text_1": "What the network says at the end, and how sure it is. It can say nothing but the words it "
    "knows, which stand below.",
    "title_2": "Drop more",
    "text_2": "Move the slider: picture, answer and probability follow at once. How far can you go?",
    "title_3": "Try your own picture",
    "text_3": "Upload or paste one, or choose an example.",
    "title_4": "Look inside",
    "text_4": "Where it looked, what each patch is like to it, which maps can be trusted, what each layer "
    "does: a tab each.",
}


def build() -> gr.HTML:
    """Build the button that starts the tour, which starts by itself for who comes for the first time."""
    return build_module("tour/tour", elem_id="tour", words=say_both(WORDS))
