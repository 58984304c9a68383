"""The last tab: two models, or one at two settings, side by side on the picture of the left column."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from vitdemo.engine import Comparison, Engine
from vitdemo.ui.kit.components import QUIET, gallery, heading
from vitdemo.ui.kit.followers import filled
from vitdemo.ui.kit.html import sentence
from vitdemo.ui.kit.language import label, translate
from vitdemo.ui.kit.session import Left, Values, told
from vitdemo.ui.kit.visit import HEAVY, fetch, reported
from vitdemo.ui.tabs.compare import words
from vitdemo.ui.tabs.compare.sides import Column, Setting, column, request, wire_column

FIRST_METHOD = "attention-rollout"
PROGRESS = gr.Progress()


@dataclass(frozen=True)
class Report:
    """What shows the result. `compared`: (picture, both settings) of what is shown, or None."""

    result: gr.HTML
    maps_title: gr.HTML
    maps: gr.Gallery
    scale: gr.HTML
    kept_title: gr.HTML
    kept: gr.Gallery
    compared: gr.State

    @property
    def outputs(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]

    def empty(self, result: str) -> Values:
        """`result` and nothing else."""
        hidden = gr.update(value=None, visible=False)
        return {**dict.fromkeys(self.outputs), self.result: result, self.maps: hidden, self.kept: hidden}

    def filled(self, found: Comparison) -> Values:
        """All of it but `compared`."""
        sides = (found.a, found.b)
        maps = zip((side.heat_figure for side in sides), words.map_captions(found), strict=True)
        kept = zip((side.kept_figure for side in sides), words.kept_captions(found), strict=True)
        return {
            self.result: words.result(found),
            self.maps_title: words.maps_title(),
            self.maps: gr.update(value=list(maps), visible=True),
            self.scale: words.scale(found),
            self.kept_title: words.kept_title(),
            self.kept: gr.update(value=list(kept), visible=True),
        }


def tab(engine: Engine, left: Left) -> gr.Tab:
    """The tab. When it is first seen, and for new results while it is open, it compares by itself; once the
    visitor has changed a side it waits for the button."""
    with gr.Tab(label(words.TAB), elem_id="tab-compare") as opened:
        heading(words.HEADING, words.HEADING_MORE)
        with gr.Row(elem_id="compare-sides"):
            a, b = column(engine, "a"), column(engine, "b")
        with gr.Row(elem_id="compare-run-row", equal_height=False):
            method = gr.Dropdown(
                [(label(one.title), one.key) for one in engine.methods()],
                value=FIRST_METHOD,
                label=label(words.METHOD),
                info=label(words.METHOD_INFO),
                filterable=False,
                min_width=220,
                elem_id="compare-method",
            )
            button = gr.Button(label(words.RUN), variant="primary", min_width=120, elem_id="compare-run")
        report = Report(
            result=gr.HTML(words.waiting(words.NO_RESULT), padding=False, elem_id="compare-result"),
            maps_title=gr.HTML(padding=False),
            maps=gallery(columns=2, visible=False, elem_id="compare-maps"),
            scale=gr.HTML(padding=False, elem_id="compare-scale"),
            kept_title=gr.HTML(padding=False),
            kept=gallery(columns=2, visible=False, elem_id="compare-kept"),
            compared=gr.State(None),
        )
        wiring = Wiring("tab-compare", engine, left, (a, b), method, report, gr.State(False))
    wiring.wire(opened, button)
    return opened


@dataclass(frozen=True)
class Wiring:
    """The events of the tab `name`. `touched`: the visitor has changed a side, which then stays as it is."""

    name: str
    engine: Engine
    left: Left
    columns: tuple[Column, Column]
    method: gr.Dropdown
    report: Report
    touched: gr.State

    def wire(self, opened: gr.Tab, button: gr.Button) -> None:
        """Connects everything."""
        left, report = self.left, self.report
        controls = [control for side in self.columns for control in side.controls]
        inputs: set[Any] = {*controls, left.active, self.method, report.compared, self.touched}
        outputs = [*report.outputs, *controls]
        options: dict[str, Any] = {
            "trigger_mode": "always_last",
            **HEAVY,
            "show_progress_on": [report.result],
            "api_visibility": "private",
        }
        opened.select(lambda: self.name, None, left.active, **QUIET)
        for event, job in (
            (opened.select, self.opened),
            (self.method.input, self.other_method),
            (button.click, self.pressed),
        ):
            event(job, {*left.inputs, *inputs}, outputs, **options)
        filled(
            left,
            self.fill,
            seen=self.seen,
            drawn=report.compared,
            empty=self.empty,
            inputs=inputs,
            outputs=outputs,
            **options,
        )
        for side in self.columns:
            wire_column(self.engine, side, self.touched)

    def pressed(self, values: Values, progress: gr.Progress = PROGRESS) -> Values:
        """Compares what the controls say now."""
        picture = values[self.left.image]
        if not picture:
            return self.report.empty(words.waiting(words.NO_RESULT))
        a, b = (side.read(values) for side in self.columns)
        return self.compared(values, picture, (a, b), progress)

    def opened(self, values: Values, progress: gr.Progress = PROGRESS) -> Values:
        """The tab was opened: nothing to do where the picture has been compared."""
        known = self.report.compared
        return {known: gr.skip()} if values[known] else self.fill(values, progress)

    def seen(self, values: Values) -> bool:
        """Does another result on the left concern what is open here?"""
        return values[self.left.active] == self.name and not self.settled(values)

    def empty(self, values: Values) -> Values:
        """Of another result that nobody sees here."""
        if self.settled(values):
            return {self.report.compared: gr.skip()}
        return self.report.empty(words.waiting(words.RUNNING if values[self.left.key] else words.NO_RESULT))

    def settled(self, values: Values) -> bool:
        """Has the visitor chosen the sides himself, and is the picture still the compared one?"""
        known = values[self.report.compared]
        return bool(values[self.touched] and known and known[0] == values[self.left.image])

    def other_method(self, values: Values, progress: gr.Progress = PROGRESS) -> Values:
        """Another map of what is shown."""
        known = values[self.report.compared]
        if not known:
            return {self.report.compared: gr.skip()}
        picture, pair = known
        return self.compared(values, picture, pair, progress)

    def fill(self, values: Values, progress: gr.Progress) -> Values:
        """A is what the left column shows, B its contrast; unless the visitor has chosen both himself."""
        if not values[self.left.key]:
            return self.report.empty(words.waiting(words.NO_RESULT))
        if values[self.touched]:
            return self.report.empty(words.waiting(words.PRESS))
        with told():
            first = self.left.request(self.engine, values)
            both = (first, self.engine.contrast(first))
            a, b = ((one.model, round(100 * one.pruning_ratio), one.selector) for one in both)
            shown = [side.shown(self.engine, one) for side, one in zip(self.columns, (a, b), strict=True)]
        return {**shown[0], **shown[1], **self.compared(values, first.image, (a, b), progress)}

    def compared(
        self, values: Values, picture: Any, pair: tuple[Setting, Setting], progress: gr.Progress
    ) -> Values:
        """The report on both settings, or one sentence on why there is none."""
        report = reported(progress)
        with told():
            try:
                a, b = (request(self.engine, picture, setting) for setting in pair)
                for one in (a, b):
                    fetch(self.engine, one.model, report)
                found = self.engine.compare(a, b, method=values[self.method], progress=report)
            except ValueError as error:
                return self.report.empty(words.problem(sentence(translate(error))))
        return {**self.report.filled(found), self.report.compared: (picture, pair)}
