"""Which patches each stage kept, when the others left, and by what score."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.engine.core.records import Captioned
from vitdemo.ui.kit.components import figure, gallery, heading
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import Html, title
from vitdemo.ui.kit.language import label, say, translate
from vitdemo.ui.kit.session import Session
from vitdemo.ui.tabs.tokens import lab, words


def build(session: Session) -> None:
    """Build the tab, filled when it is seen."""
    with gr.Tab(label("Tokens"), elem_id="tab-tokens") as tab:
        note = gr.HTML(padding=False, min_height=44, elem_id="tokens-note")
        kept = gallery(columns=4, elem_id="kept")
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=300):
                heading("When each patch left")
                lifetime = figure(
                    "The picture, each patch tinted by the stage at which it left", elem_id="lifetime"
                )
            with gr.Column(scale=6, min_width=300):
                heading("Keep scores at each stage, on one scale")
                scores = gallery(columns=2, elem_id="scores")

        def draw(values: Values, report: Progress) -> Values:
            shown = session.open(values, report)
            patches, merges = shown.tokens, shown.analysis.merges
            frames = translate_captions(patches.kept_figures())
            if len(frames) == 1:
                return {note: write_kept_title(words.NO_PRUNING), kept: frames, lifetime: None, scores: None}
            return {
                note: write_kept_title(words.MERGED if merges else words.KEPT),
                kept: frames,
                lifetime: patches.lifetime_figure(),
                scores: translate_captions(patches.score_figures()),
            }

        session.follow(Part(draw, [note, kept, lifetime, scores]), tab)
        lab.build(session)


def write_kept_title(more: str) -> Html:
    return title(say("Kept patches after each stage"), say(more))


def translate_captions(frames: Captioned) -> list[tuple[Any, str]]:
    """Return the engine's pictures with their captions in the visitor's language."""
    return [(picture, translate(caption)) for picture, caption in frames]
