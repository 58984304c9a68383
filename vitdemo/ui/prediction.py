"""The first tab: what the network says, dense and pruned, and what that cost. Also the one event that
runs a model for the page."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vitdemo.engine import Analysis, Engine
from vitdemo.ui import classes, text
from vitdemo.ui.language import label, say
from vitdemo.ui.link import Link, wanted
from vitdemo.ui.session import MODEL_RUNS, Left, Values, reported, told


def tab(engine: Engine, left: Left) -> tuple[gr.Label, gr.HTML, gr.State]:
    """The label, the comparison, and the state that holds the clicked class (see `classes.row`)."""
    with gr.Tab(label("Prediction"), elem_id="tab-prediction") as opened:
        with gr.Row(equal_height=False):
            top = gr.Label(
                label=label("Top five"),
                num_top_classes=5,
                show_heading=False,
                buttons=[],
                min_width=300,
                elem_id="label",
            )
            with gr.Column(min_width=300):
                table = gr.HTML(
                    text.no_comparison(label(text.NO_COMPARISON)), padding=False, elem_id="comparison"
                )
        chosen = classes.row(engine, left, tab=opened, label=top)
    return top, table, chosen


def wire(engine: Engine, page: gr.Blocks, left: Left, *, outputs: tuple[Any, ...], link: Link) -> None:
    """Analyse when the page opens, with what its `link` asks for, and whenever the picture or a setting
    changes."""
    results = [left.key, *outputs]

    def answer(values: Values, progress: gr.Progress = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008
        if not values[left.image]:
            return empty(text.waiting(say(text.NO_IMAGE)))
        try:
            with told(html=False):  # text.problem writes the HTML
                request = left.request(engine, values)
                analysis = engine.analyse(request, progress=reported(progress))
        except gr.Error as error:  # said where the answer would stand, so that no old result stays beside it
            return empty(text.problem(error.message))
        return filled(analysis)

    # Two events for the page that opens, not one that yields twice: gradio tells of a generator's new key
    # before the rest of its result is there. The address is read again, because the browser may not show the
    # model yet that the first event chose.
    def first(
        values: Values,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Values:
        asked = wanted(engine, left, values, request)
        result: Values = dict(zip(results, answer(asked, progress), strict=True))
        # The picture comes last: its change asks again, and must do so with the model that is shown by then.
        picture = asked[left.image]
        return result if picture == values[left.image] else {**result, left.image: picture}

    options: dict[str, Any] = {
        "concurrency_id": MODEL_RUNS,
        "concurrency_limit": 2,
        "show_progress_on": [outputs[0]],
        "api_visibility": "private",
    }
    inputs = left.inputs - {left.key}
    link.opened(engine, page, left).then(first, inputs, [*results, left.image], **options)
    gr.on(
        [left.image.change, left.model.input, left.ratio.release, left.selector.input],
        answer,
        inputs,
        results,
        trigger_mode="always_last",
        **options,
    )


def filled(analysis: Analysis) -> tuple[Any, ...]:
    """The key, the headline, the top five and the comparison of a result."""
    top = dict((analysis.pruned or analysis.dense).top)
    return analysis.key, text.headline(analysis), top, text.comparison(analysis)


def empty(headline: str) -> tuple[Any, ...]:
    """As `filled`, without a result."""
    return None, headline, None, text.no_comparison(say(text.NO_COMPARISON))
