"""The pruning laboratory: closed sections, each filled on its button or when opened."""

from __future__ import annotations

import tempfile
from pathlib import Path

import gradio as gr

from vitdemo.engine import Progress, Result, Sweep
from vitdemo.png import encode_png
from vitdemo.ui.kit.components import QUEUED, RUN, figure, gallery, heading, hide, remark
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import title
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.told import check
from vitdemo.ui.kit.visit import find_address
from vitdemo.ui.tabs.tokens import stages
from vitdemo.ui.tabs.tokens import sweep as sweep_text
from vitdemo.ui.tabs.tokens import words as lab_text
from vitdemo.ui.tabs.tokens.board import build_board, pack_board
from vitdemo.ui.tabs.tokens.words import WORDS

FIRST_THRESHOLD, FIRST_SHARE = 0.8, 80


def build(session: Session) -> None:
    """Build all of it. To be called inside the tab."""
    heading(WORDS["lab"], WORDS["lab_info"])
    with gr.Accordion(label(WORDS["sweep"]), open=False, elem_id="lab-sweep"):
        build_sweep(session)
    with gr.Accordion(label(WORDS["surgery"]), open=False, elem_id="lab-surgery-section") as section:
        build_surgery(session, section)
    with gr.Accordion(label(WORDS["smallest"]), open=False, elem_id="lab-smallest"):
        build_smallest(session)
    with gr.Accordion(label(WORDS["adaptive"]), open=False, elem_id="lab-adaptive") as section:
        build_adaptive(session, section)
    with gr.Accordion(label(WORDS["stages"]), open=False, elem_id="lab-stages") as section:
        stages.build(session, section)
    with gr.Accordion(label(WORDS["film"]), open=False, elem_id="lab-film") as section:
        build_film(session, section)


def build_sweep(session: Session) -> None:
    """Build the sweep. What was found stays in the session, so that another film strip runs nothing."""
    remark(WORDS["sweep_info"])
    button = gr.Button(label(WORDS["sweep_run"]), variant="primary", size="sm", elem_id="lab-sweep-run")
    result = gr.HTML(padding=False, elem_id="lab-sweep-result")
    whose = gr.Radio(
        label=label(WORDS["whose"]), info=label(WORDS["whose_info"]), visible=False, elem_id="lab-whose"
    )
    kept_title = gr.HTML(padding=False, elem_id="lab-kept-title")
    kept = gallery(columns=5, elem_id="lab-kept")
    known = gr.State(None)

    def show_strip(shown: Result, found: Sweep, name: str) -> Values:
        curve = next((one for one in found.curves if one.selector == name), found.curves[0])
        figures = (shown.lab.kept_figure(ids) for ids in curve.kept)
        frames = list(zip(figures, sweep_text.write_kept_captions(found, curve), strict=True))
        words = title(sweep_text.write_kept_title(curve))
        return {kept_title: words, kept: gr.update(value=frames, visible=True)}

    def draw(values: Values, report: Progress) -> Values:
        shown = session.open(values, report)
        found = shown.lab.sweep()
        names = [curve.selector for curve in found.curves]
        choices = [(lab_text.name_selector(name), name) for name in names]
        return {
            result: sweep_text.write_sweep(found),
            whose: gr.Radio(choices, value=names[0], visible=True),
            known: found,
            **show_strip(shown, found, names[0]),
        }

    def choose(values: Values, report: Progress) -> Values:
        found = check(values[known], Sweep)  # without one the page offers no choice
        return show_strip(session.open(values, report), found, values[whose])

    def empty(values: Values) -> Values:
        return {**hide(result, kept_title, kept), whose: gr.Radio(value=None, visible=False), known: None}

    session.follow(Part(draw, [result, whose, kept_title, kept, known], empty=empty), button)
    session.redraw([whose.input], Part(choose, [kept_title, kept], inputs={whose, known}))


def build_surgery(session: Session, section: gr.Accordion) -> None:
    remark(WORDS["surgery_info"])
    patches, answer = build_board(session)

    def draw(values: Values, report: Progress) -> Values:
        shown = session.open(values, report)
        why = say(lab_text.NO_SURGERY) if shown.analysis.merges else ""
        return {patches: pack_board(shown), answer: lab_text.write_surgery(None, why)}

    def empty(values: Values) -> Values:
        return {patches: None, answer: lab_text.write_surgery(None)}

    session.follow(Part(draw, [patches, answer], empty=empty), section, **QUEUED)


def build_smallest(session: Session) -> None:
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

    def draw(values: Values, report: Progress) -> Values:
        lab = session.open(values, report).lab
        found = lab.smallest_set(share=values[share] / 100)
        figure = lab.kept_figure(found.kept)
        shown = gr.update(value=figure, visible=True, alt_text=say(WORDS["smallest_alt"]))
        count = session.engine.info(values[session.model]).num_patches
        return {picture: shown, result: lab_text.write_smallest(found, count)}

    session.follow(Part(draw, [result, picture], inputs={share}), button)


def build_adaptive(session: Session, section: gr.Accordion) -> None:
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

    def draw(values: Values, report: Progress) -> Values:
        lab = session.open(values, report).lab
        found = lab.adaptive(values[threshold])
        figures = (lab.kept_figure(budget.kept) for budget in (found.adaptive, found.fixed))
        frames = list(zip(figures, lab_text.write_adaptive_captions(found), strict=True))
        return {result: lab_text.write_adaptive(found), kept: frames}

    part, options = Part(draw, [result, kept], inputs={threshold}), {**RUN, "show_progress": "hidden"}
    session.follow(part, section, **options)
    session.redraw([threshold.release], part, **options)


def build_film(session: Session, section: gr.Accordion) -> None:
    remark(WORDS["film_info"])
    preview = figure(WORDS["film_alt"], height=360, elem_id="lab-film-preview")
    with gr.Row():
        strip = gr.DownloadButton(
            label(WORDS["film_strip"]), size="sm", interactive=False, elem_id="lab-film-png"
        )
        moving = gr.DownloadButton(
            label(WORDS["film_gif"]), size="sm", interactive=False, elem_id="lab-film-gif"
        )

    def draw(values: Values, report: Progress) -> Values:
        lab = session.open(values, report).lab
        with tempfile.TemporaryDirectory() as folder:
            still, gif = Path(folder) / "pruning.png", Path(folder) / "pruning.gif"
            still.write_bytes(encode_png(lab.film(find_address())))
            gif.write_bytes(lab.animation(find_address()))
            # gradio serves its own copies: it writes them atomically and deletes them when they are old
            png_path, gif_path = (strip.move_resource_to_block_cache(path) for path in (still, gif))
        return {
            preview: gif_path,
            strip: gr.DownloadButton(value=png_path, interactive=True),
            moving: gr.DownloadButton(value=gif_path, interactive=True),
        }

    def empty(values: Values) -> Values:
        nothing = gr.update(value=None, interactive=False)
        return {preview: None, strip: nothing, moving: nothing}

    session.follow(Part(draw, [preview, strip, moving], empty=empty), section, **QUEUED)
