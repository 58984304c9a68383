"""The laboratory's stages: before which layers patches go, each with a share of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import gradio as gr

from vitdemo.engine import Analysis, Outcome, Progress
from vitdemo.ui.kit.components import QUEUED, gallery, remark
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.html import Html, quiet, row, tag, wide_table
from vitdemo.ui.kit.language import label, say, translate
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.visit import analyse
from vitdemo.ui.kit.words import macs, percent
from vitdemo.ui.tabs.tokens.words import WORDS, name_selector

LONGEST = 1000  # letters; the deepest network known has 64 layers


def build(session: Session, section: gr.Accordion) -> None:
    """Build the section. What the visitor has written stays for other pictures."""
    remark(WORDS["stages_info"])
    text = gr.Textbox(
        label=label(WORDS["stages_text"]),
        info=label(WORDS["stages_text_info"]),
        max_lines=1,
        max_length=LONGEST,
        elem_id="lab-stages-text",
    )
    button = gr.Button(label(WORDS["stages_run"]), variant="primary", size="sm", elem_id="lab-stages-run")
    result = gr.HTML(padding=False, elem_id="lab-stages-result")
    kept = gallery(columns=4, visible=False, elem_id="lab-stages-kept")

    def suggest(values: Values, report: Progress) -> Values:
        return {text: values[text] or session.open(values, report).lab.usual_stages()}

    def draw(values: Values, report: Progress) -> Values:
        usual = session.open(values, report)
        stages = (values[text] or "").strip() or usual.lab.usual_stages()
        request = replace(session.make_request(values), stages=stages)
        chosen = analyse(session.engine, request, report)
        frames = [(picture, translate(caption)) for picture, caption in chosen.tokens.kept_figures()]
        words = write_stages(usual.analysis, usual.lab.usual_stages(), chosen.analysis)
        return {text: stages, result: words, kept: gr.update(value=frames, visible=True)}

    kept_text = Part(suggest, [text], inputs={text}, empty=lambda values: {text: values[text]})
    session.follow(kept_text, section, **QUEUED)

    def empty(values: Values) -> Values:
        return {text: values[text], result: None, kept: gr.update(value=None, visible=False)}

    session.follow(Part(draw, [result, kept, text], inputs={text}, empty=empty), button)


def write_stages(usual: Analysis, stages: str, chosen: Analysis) -> Html:
    """Return the chosen stages beside all patches and, where the shown result is pruned, its own `stages`."""
    assert chosen.pruned is not None
    columns: list[tuple[str, str, Outcome]] = [(say("All patches"), "–", chosen.dense)]
    if usual.pruned is not None:
        columns.append((say("Usual stages"), stages, usual.pruned))
    columns.append((say("These stages"), chosen.stages, chosen.pruned))
    heads, written, outcomes = zip(*columns, strict=True)
    rows = [
        row(say("Stages"), *written),
        row(say("Patches"), *(" → ".join(map(str, one.tokens)) for one in outcomes)),
        row(say("Multiply-adds"), *(macs(one.macs) for one in outcomes)),
        *write_answers(outcomes),
    ]
    scored = say("By: {selector}.", selector=name_selector(chosen.selector)) if chosen.selector else ""
    return tag("div", wide_table(("", *heads), rows, class_="lab-table"), quiet(scored), role="status")


def write_answers(outcomes: Sequence[Outcome]) -> list[Html]:
    """Return the rows of what each pass says; none of a network without words."""
    if not all(one.top for one in outcomes):
        return []
    return [
        row(say("Answer"), *(one.top[0][0] for one in outcomes)),
        row(say("Probability"), *(percent(one.top[0][1]) for one in outcomes)),
    ]
