"""The first tab: what the network says, dense and pruned, and what that cost. Also the one event that
runs a model for the page."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vitdemo.engine import Analysis, Engine
from vitdemo.ui import classes, text
from vitdemo.ui.session import MODEL_RUNS, Left, Values, told


def tab(engine: Engine, left: Left) -> tuple[gr.Label, gr.HTML, gr.State]:
    """The label, the comparison, and the state that holds the clicked class (see `classes.row`)."""
    with gr.Tab("Prediction", elem_id="tab-prediction") as opened:
        with gr.Row(equal_height=False):
            label = gr.Label(
                label="Top five",
                num_top_classes=5,
                show_heading=False,
                buttons=[],
                min_width=300,
                elem_id="label",
            )
            with gr.Column(min_width=300):
                table = gr.HTML(text.EMPTY_COMPARISON, padding=False, elem_id="comparison")
        chosen = classes.row(engine, left, tab=opened, label=label)
    return label, table, chosen


def wire(engine: Engine, page: gr.Blocks, left: Left, *, outputs: tuple[Any, ...]) -> None:
    """Analyse when the page opens and whenever the picture or a setting changes."""

    def answer(values: Values, progress: gr.Progress = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008
        def report(share: float, words: str) -> None:
            progress(share, desc=words)

        if not values[left.image]:
            return empty(text.waiting())
        try:
            with told():
                request = left.request(engine, values)
                analysis = engine.analyse(request, progress=report)
        except gr.Error as error:  # said where the answer would stand, so that no old result stays beside it
            return empty(text.problem(error.message))
        return filled(analysis)

    gr.on(
        [page.load, left.image.change, left.model.input, left.ratio.release, left.selector.input],
        answer,
        left.inputs - {left.key},
        [left.key, *outputs],
        trigger_mode="always_last",
        concurrency_id=MODEL_RUNS,
        concurrency_limit=2,
        show_progress_on=[outputs[0]],
        api_visibility="private",
    )


def filled(analysis: Analysis) -> tuple[Any, ...]:
    """The key, the headline, the top five and the comparison of a result."""
    top = dict((analysis.pruned or analysis.dense).top)
    return analysis.key, text.headline(analysis), top, text.comparison(analysis)


def empty(headline: str) -> tuple[Any, ...]:
    """As `filled`, without a result."""
    return None, headline, None, text.EMPTY_COMPARISON
