"""The pruning laboratory in the third tab: closed sections, each filled on its button or when opened."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from vitdemo.engine import Engine, Progress, Result, Sweep
from vitdemo.ui.kit.components import QUEUED, figure, gallery, heading, remark
from vitdemo.ui.kit.followers import emptied, filled
from vitdemo.ui.kit.html import escaped, title
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.section import hidden, on_button
from vitdemo.ui.kit.session import Left, Values, open_result, told
from vitdemo.ui.kit.visit import HEAVY, LIGHT, reported
from vitdemo.ui.tabs.tokens import sweep as sweep_text
from vitdemo.ui.tabs.tokens import words as lab_text
from vitdemo.ui.tabs.tokens.board import board, payload
from vitdemo.ui.tabs.tokens.words import WORDS

FIRST_THRESHOLD, FIRST_SHARE = 0.8, 80
PROGRESS = gr.Progress()
Fill = Callable[[Values], Values]


def sections(engine: Engine, left: Left) -> None:
    """All of it. To be called inside the tab."""
    heading(WORDS["lab"], WORDS["lab_info"])
    with gr.Accordion(label(WORDS["sweep"]), open=False, elem_id="lab-sweep"):
        sweep(engine, left)
    with gr.Accordion(label(WORDS["surgery"]), open=False, elem_id="lab-surgery-section") as opened:
        surgery(engine, left, opened)
    with gr.Accordion(label(WORDS["smallest"]), open=False, elem_id="lab-smallest"):
        smallest(engine, left)
    with gr.Accordion(label(WORDS["adaptive"]), open=False, elem_id="lab-adaptive") as opened:
        adaptive(engine, left, opened)
    with gr.Accordion(label(WORDS["film"]), open=False, elem_id="lab-film") as opened:
        film(engine, left, opened)


def sweep(engine: Engine, left: Left) -> None:
    """Not by `on_button`: what was found stays in the session, so that another film strip runs nothing."""
    remark(WORDS["sweep_info"])
    button = gr.Button(label(WORDS["sweep_run"]), variant="primary", size="sm", elem_id="lab-sweep-run")
    result = gr.HTML(padding=False, elem_id="lab-sweep-result")
    whose = gr.Radio(
        label=label(WORDS["whose"]), info=label(WORDS["whose_info"]), visible=False, elem_id="lab-whose"
    )
    kept_title = gr.HTML(padding=False, elem_id="lab-kept-title")
    kept = gallery(columns=5, elem_id="lab-kept")
    known = gr.State(None)

    def strip(shown: Result, found: Sweep, name: str) -> Values:
        curve = next(curve for curve in found.curves if curve.selector == name)
        figures = (shown.lab.kept_figure(ids) for ids in curve.kept)
        frames = list(zip(figures, sweep_text.kept_captions(found, curve), strict=True))
        words = title(escaped(sweep_text.kept_title(curve)))
        return {kept_title: words, kept: gr.update(value=frames, visible=True)}

    def run(values: Values, progress: gr.Progress = PROGRESS) -> Values:
        if not values[left.key]:
            return {result: gr.skip()}
        with told():
            shown = open_result(engine, left, values, reported(progress))
            found = shown.lab.sweep()
            names = [curve.selector for curve in found.curves]
            choices = [(lab_text.selector(name), name) for name in names]
            return {
                result: sweep_text.sweep(found),
                whose: gr.Radio(choices, value=names[0], visible=True),
                known: found,
                **strip(shown, found, names[0]),
            }

    def chosen(values: Values) -> Values:
        with told():
            return strip(open_result(engine, left, values), values[known], values[whose])

    def cleared() -> Values:
        empty = {one: hidden(one) for one in (result, kept_title, kept)}
        return {**empty, whose: gr.Radio(value=None, visible=False), known: None}

    outputs = [result, whose, kept_title, kept, known]
    emptied(left, cleared, drawn=known, outputs=outputs)
    clicked = button.click(
        run, left.inputs, outputs, show_progress_on=[result], api_visibility="private", **HEAVY
    )
    left.jobs.append(clicked)
    whose.input(
        chosen,
        {*left.inputs, whose, known},
        [kept_title, kept],
        trigger_mode="always_last",
        **QUEUED,
    )


def surgery(engine: Engine, left: Left, opened: gr.Accordion) -> None:
    remark(WORDS["surgery_info"])
    patches, answer = board(engine, left)

    def fill(values: Values) -> Values:
        return {patches: payload(open_result(engine, left, values)), answer: lab_text.surgery(None)}

    when_opened(opened, left, fill, inputs=set(), empty={patches: None, answer: lab_text.surgery(None)})


def smallest(engine: Engine, left: Left) -> None:
    remark(WORDS["smallest_info"])
    share = gr.Slider(
        0,
        100,
        FIRST_SHARE,
        step=5,
        label=label(WORDS["share"]),
        info=label(WORDS["share_info"]),
        buttons=[],
        elem_id="lab-share",
    )
    button = gr.Button(label(WORDS["smallest_run"]), variant="primary", size="sm", elem_id="lab-smallest-run")
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=240):
            picture = figure(WORDS["smallest_alt"], elem_id="lab-smallest-picture", visible=False)
        with gr.Column(scale=5, min_width=260):
            result = gr.HTML(padding=False, elem_id="lab-smallest-result")

    def run(values: Values, report: Progress) -> Values:
        lab = open_result(engine, left, values, report).lab
        found = lab.smallest_set(share=values[share] / 100)
        figure = lab.kept_figure(found.kept)
        shown = gr.update(value=figure, visible=True, alt_text=say(WORDS["smallest_alt"]))
        count = engine.info(values[left.model]).num_patches
        return {picture: shown, result: lab_text.smallest(found, count)}

    on_button(left, button, job=run, inputs={share}, outputs=[result, picture])


def adaptive(engine: Engine, left: Left, opened: gr.Accordion) -> None:
    remark(WORDS["adaptive_info"])
    threshold = gr.Slider(
        0,
        1.5,
        FIRST_THRESHOLD,
        step=0.05,
        label=label(WORDS["threshold"]),
        info=label(WORDS["threshold_info"]),
        buttons=[],
        elem_id="lab-threshold",
    )
    result = gr.HTML(padding=False, elem_id="lab-adaptive-result")
    kept = gallery(columns=2, elem_id="lab-adaptive-kept")

    def fill(values: Values) -> Values:
        lab = open_result(engine, left, values).lab
        found = lab.adaptive(values[threshold])
        figures = (lab.kept_figure(budget.kept) for budget in (found.adaptive, found.fixed))
        frames = list(zip(figures, lab_text.adaptive_captions(found), strict=True))
        return {result: lab_text.adaptive(found), kept: frames}

    def moved(values: Values) -> Values:
        with told():
            return fill(values) if values[left.key] else {result: None, kept: None}

    when_opened(opened, left, fill, inputs={threshold}, empty={result: None, kept: None}, room=HEAVY)
    threshold.release(
        moved,
        {*left.inputs, threshold},
        [result, kept],
        trigger_mode="always_last",
        **{**QUEUED, **HEAVY},
    )


def film(engine: Engine, left: Left, opened: gr.Accordion) -> None:
    remark(WORDS["film_info"])
    preview = figure(WORDS["film_alt"], height=360, elem_id="lab-film-preview")
    with gr.Row():
        strip = gr.DownloadButton(
            label(WORDS["film_strip"]), size="sm", interactive=False, elem_id="lab-film-png"
        )
        moving = gr.DownloadButton(
            label(WORDS["film_gif"]), size="sm", interactive=False, elem_id="lab-film-gif"
        )

    def fill(values: Values) -> Values:
        lab = open_result(engine, left, values).lab
        with tempfile.TemporaryDirectory() as folder:
            still, gif = Path(folder) / "pruning.png", Path(folder) / "pruning.gif"
            lab.film().save(still)
            gif.write_bytes(lab.animation())
            # gradio serves its own copies: it writes them atomically and deletes them when they are old
            png_path, gif_path = (strip.move_resource_to_block_cache(path) for path in (still, gif))
        return {
            preview: gif_path,
            strip: gr.DownloadButton(value=png_path, interactive=True),
            moving: gr.DownloadButton(value=gif_path, interactive=True),
        }

    nothing = gr.update(value=None, interactive=False)
    when_opened(opened, left, fill, inputs=set(), empty={preview: None, strip: nothing, moving: nothing})


def when_opened(
    section: gr.Accordion,
    left: Left,
    fill: Fill,
    *,
    inputs: set[Any],
    empty: dict[Any, Any],
    room: Mapping[str, Any] = LIGHT,
) -> None:
    """Fill the components of `empty` when the section is opened, or another result arrives while it is open;
    while it is closed a new result only empties them. `room`: HEAVY where filling them runs a network."""
    is_open, drawn = gr.State(False), gr.State(None)
    nothing = {**empty, drawn: None}

    def opened(values: Values) -> Values:
        return {is_open: True, **(arrived(values) if values[left.key] else nothing)}

    def arrived(values: Values, _: gr.Progress | None = None) -> Values:
        with told():
            return {**fill(values), drawn: values[left.key]}

    options = {**QUEUED, **room}
    inputs = {*inputs, is_open}
    section.expand(opened, {*left.inputs, *inputs}, [is_open, *nothing], **options)
    section.collapse(lambda: False, None, is_open, **QUEUED)
    filled(
        left,
        arrived,
        seen=lambda values: values[is_open],
        drawn=drawn,
        empty=lambda values: nothing,
        inputs=inputs,
        outputs=list(nothing),
        **options,
    )
