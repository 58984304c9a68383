"""Eight words of the field and what they mean, for who is new to it."""

from __future__ import annotations

import gradio as gr

from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.language import say_both

LEAD = "In a few words:"
TERMS = {
    "Patch": "A square piece of the picture. The network reads the picture as a row of such pieces.",
    "Token": "The numbers that stand for one patch, or for the whole picture (the class token). Each layer "
    "changes them.",
    "Attention": "How much each token takes over from every other one: weights that add up to 1.",
    "Head": "One of several attentions side by side in a layer. Each may look for something else.",
    "Layer": "Attention, then a small network for each token. The layers stand one behind the other.",
    "Rollout": "The attention of all layers multiplied: from which patches the answer can have heard.",
    "Pruning ratio": "The share of patches that each stage drops. The layers behind it never see them again.",
    "Dense": "Without pruning: every patch goes through the whole network.",
}


def build() -> gr.HTML:
    """Build the line of words."""
    words = {"lead": LEAD, **{term: term for term in TERMS}}
    meanings = {f"{term}_means": meaning for term, meaning in TERMS.items()}
    return build_module("about/terms", elem_id="terms", words=say_both(words | meanings), terms=list(TERMS))
