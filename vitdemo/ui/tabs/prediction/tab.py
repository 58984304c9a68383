"""What the network says, dense and pruned, what that cost, and what speaks for each class."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vitdemo.engine import Analysis, Progress
from vitdemo.ui.kit.components import QUIET, RUN
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import Html
from vitdemo.ui.kit.language import label, say, word
from vitdemo.ui.kit.session import Session
from vitdemo.ui.tabs.prediction import classes, film, words

TOP_FIVE = """(ratio, top) => {
  const known = window.atRatio?.(ratio)?.top;  // film.js
  if (!known?.length) return top;
  return { label: known[0][0], confidences: known.map(([label, confidence]) => ({ label, confidence })) };
}"""


def build(session: Session) -> None:
    """Build the tab, which comes with the answer itself."""
    first = session.first
    best = find_likeliest(first.analysis) if first else {}
    compared = words.write_no_comparison(Html(label(words.NO_COMPARISON)))
    if first:
        compared = words.write_comparison(first.analysis, first.times)
    with gr.Tab(label("Prediction"), elem_id="tab-prediction") as tab:
        with gr.Row(equal_height=False, elem_id="answer"):
            with gr.Column(min_width=300):
                film.build(session)
            with gr.Column(min_width=300):
                top = gr.Label(
                    best,
                    label=label("Top five"),
                    num_top_classes=5,
                    show_heading=False,
                    buttons=[],
                    elem_id="label",
                )
                table = gr.HTML(compared, padding=False, elem_id="comparison")
        classes.build(session, tab, top)

        def write_answer(analysis: Analysis | None) -> list[Any]:
            if analysis is None:
                return [None, words.write_no_comparison(say(words.NO_COMPARISON))]
            known = session.engine.find_times(analysis)
            return [find_likeliest(analysis), words.write_comparison(analysis, known)]

        def measure(values: Values, report: Progress) -> Values:
            result = session.open(values, report)
            return {table: words.write_comparison(result.analysis, result.times())}

        session.show([top, table], write_answer)
        session.ratio.input(None, [session.ratio, top], top, js=TOP_FIVE, **QUIET)
        measured = first is not None and None not in first.times
        session.follow(Part(measure, [table]), tab, brought=measured, **{**RUN, "show_progress": "hidden"})


def find_likeliest(analysis: Analysis) -> dict[str, float] | None:
    """Return the five likeliest classes, as the visitor calls them, and their probabilities.

    Return None where the network has no classes.
    """
    return {word(name): share for name, share in (analysis.pruned or analysis.dense).top} or None
