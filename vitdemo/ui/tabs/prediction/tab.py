"""The first tab: what the network says, dense and pruned, and what that cost. Also the one event that
runs a model for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vitdemo.engine import Analysis, ClassMap, Engine
from vitdemo.ui.kit import html as text
from vitdemo.ui.kit.components import QUEUED
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.session import Left, Values, told
from vitdemo.ui.kit.visit import HEAVY, analyse, reported
from vitdemo.ui.page import Page
from vitdemo.ui.sidebar.link import Link, brought
from vitdemo.ui.tabs.prediction import classes


@dataclass(frozen=True)
class First:
    """What a page shows when it opens, before it asks: the result of its picture, maps of the answer."""

    analysis: Analysis
    maps: Sequence[ClassMap]


def headline(first: First | None) -> gr.HTML:
    """The answer, above all tabs."""
    shown = text.headline(first.analysis) if first else text.waiting(label(text.NO_IMAGE))
    return gr.HTML(shown, padding=False, elem_id="headline")


def tab(engine: Engine, left: Left, *, first: First | None) -> tuple[gr.Label, gr.HTML, gr.State]:
    """The label, the comparison, and the state that holds the clicked class (see `classes.row`)."""
    best = likeliest(first.analysis) if first else {}
    compared = text.comparison(first.analysis) if first else text.no_comparison(label(text.NO_COMPARISON))
    with gr.Tab(label("Prediction"), elem_id="tab-prediction") as opened:
        with gr.Row(equal_height=False):
            top = gr.Label(
                best,
                label=label("Top five"),
                num_top_classes=5,
                show_heading=False,
                buttons=[],
                min_width=300,
                elem_id="label",
            )
            with gr.Column(min_width=300):
                table = gr.HTML(compared, padding=False, elem_id="comparison")
        maps = first.maps if first else ()
        chosen = classes.row(engine, left, tab=opened, label=top, first=maps)
    return top, table, chosen


def wire(
    engine: Engine,
    page: Page,
    left: Left,
    *,
    outputs: tuple[Any, ...],
    link: Link,
    first: First | None,
) -> None:
    """Analyse when the page opens, with what its `link` asks for, and whenever the picture or a setting
    changes."""
    results = [*outputs, left.key]  # the key last: its change is told of before what comes after it is there

    def answer(values: Values, progress: gr.Progress = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008
        if not values[left.image]:
            return empty(text.waiting(say(text.NO_IMAGE)))
        try:
            with told(html=False):  # text.problem writes the HTML
                request = left.request(engine, values)
                result = analyse(engine, request, reported(progress))
        except gr.Error as error:  # said where the answer would stand, so that no old result stays beside it
            return empty(text.problem(error.message))
        return filled(result.analysis)

    # What is in memory comes with the left column, in the one event of a page that opens. For what is not,
    # and for a visitor's own picture, which takes work to decode, the page asks a second time. One event that
    # yields twice would not do: gradio tells of the new key before the rest is there.
    def opened(values: Values, request: gr.Request) -> Values:
        asked, found = link.asked(engine, left, values, request)
        own = asked[left.image] == values[left.image] and values[left.image] in page.first()
        known = engine.find(left.request(engine, asked)) if own else None
        updates = link.updates(engine, left, found, asked, pending=not known)
        if known and first and known.key == first.analysis.key and brought(found):
            return {**updates, left.key: known.key}
        if known:
            return {**updates, **dict(zip(results, filled(known.analysis), strict=True))}
        shown = {left.key: first.analysis.key} if first else {}
        return {**updates, **shown, wanted: {name: asked[part] for name, part in left.asked.items()}}

    def answered(asked: dict[str, Any], shown: str, progress: gr.Progress = gr.Progress()) -> Values:  # noqa: B008
        values = {part: asked[name] for name, part in left.asked.items()}
        result: Values = dict(zip(results, answer(values, progress), strict=True))
        # The picture comes last: its change asks again, and must do so with the model that is shown by then.
        return result if asked["image"] == shown else {**result, left.image: asked["image"]}

    wanted = gr.State(None)  # what the address of the page asks for, by name
    inputs = left.inputs - {left.key}
    page.load(opened, inputs, [*link.outputs(left), *results, wanted], **QUEUED)
    options: dict[str, Any] = {
        **HEAVY,
        "show_progress_on": [outputs[0]],
        "api_visibility": "private",
    }
    link.button.ask(answered, [wanted, left.image], [*results, left.image], **options)
    gr.on(
        [left.image.change, left.model.input, left.ratio.release, left.selector.input],
        answer,
        inputs,
        results,
        trigger_mode="always_last",
        **options,
    )


def filled(analysis: Analysis) -> tuple[Any, ...]:
    """The headline, the top five, the comparison and the key of a result."""
    return text.headline(analysis), likeliest(analysis), text.comparison(analysis), analysis.key


def likeliest(analysis: Analysis) -> dict[str, float] | None:
    """The five likeliest classes and their probabilities; None where the network has no classes."""
    return dict((analysis.pruned or analysis.dense).top) or None


def empty(headline: str) -> tuple[Any, ...]:
    """As `filled`, without a result."""
    return headline, None, text.no_comparison(say(text.NO_COMPARISON)), None
