"""Two models, or one at two settings, side by side on the picture of the left column."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from vitdemo.engine import ATTENTION_METHODS, Comparison, Progress
from vitdemo.ui.kit.components import RUN, gallery, heading
from vitdemo.ui.kit.errors import explain, tell_errors
from vitdemo.ui.kit.followers import Part, Values
from vitdemo.ui.kit.language import label
from vitdemo.ui.kit.session import PROGRESS, Session
from vitdemo.ui.kit.visit import fetch, make_progress
from vitdemo.ui.tabs.compare import words
from vitdemo.ui.tabs.compare.pictures import build_pictures
from vitdemo.ui.tabs.compare.sides import Column, Setting, build_column, make_request, wire_column

FIRST_METHOD = "attention-rollout"


@dataclass(frozen=True)
class View:
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
        """Return updates that show `result` and nothing else."""
        hidden = gr.update(value=None, visible=False)
        return {**dict.fromkeys(self.outputs), self.result: result, self.maps: hidden, self.kept: hidden}

    def fill(self, found: Comparison) -> Values:
        """Return updates for all of it but `compared`."""
        sides = (found.a, found.b)
        maps = zip((side.heat_figure for side in sides), words.write_map_captions(found), strict=True)
        kept = zip((side.kept_figure for side in sides), words.write_kept_captions(found), strict=True)
        return {
            self.result: words.write_result(found),
            self.maps_title: words.write_maps_title(),
            self.maps: gr.update(value=list(maps), visible=True),
            self.scale: words.write_scale(found),
            self.kept_title: words.write_kept_title(),
            self.kept: gr.update(value=list(kept), visible=True),
        }


def build(session: Session) -> None:
    """Build the tab.

    When it is first seen, and for new results while it is open, it compares by itself. Once the visitor has
    changed a side it waits for the button.
    """
    engine = session.engine
    with gr.Tab(label(words.TAB), elem_id="tab-compare") as tab:
        heading(words.HEADING, words.HEADING_MORE)
        with gr.Row(elem_id="compare-sides"):
            a, b = build_column(engine, "a"), build_column(engine, "b")
        with gr.Row(elem_id="compare-run-row", equal_height=False):
            method = gr.Dropdown(
                [(label(method.title), key) for key, method in ATTENTION_METHODS.items()],
                value=FIRST_METHOD,
                label=label(words.METHOD),
                info=label(words.METHOD_INFO),
                filterable=False,
                min_width=220,
                elem_id="compare-method",
            )
            button = gr.Button(label(words.RUN), variant="primary", min_width=120, elem_id="compare-run")
        view = View(
            result=gr.HTML(words.write_waiting(words.NO_RESULT), padding=False, elem_id="compare-result"),
            maps_title=gr.HTML(padding=False),
            maps=gallery(columns=2, visible=False, elem_id="compare-maps"),
            scale=gr.HTML(padding=False, elem_id="compare-scale"),
            kept_title=gr.HTML(padding=False),
            kept=gallery(columns=2, visible=False, elem_id="compare-kept"),
            compared=gr.State(None),
        )
        whole = CompareTab(session, (a, b), method, view, gr.State(False))
        whole.wire(tab, button)
        build_pictures(session)


@dataclass(frozen=True)
class CompareTab:
    """Two sides, and what shows their comparison.

    `touched`: the visitor has changed a side, which then stays as it is.
    """

    session: Session
    columns: tuple[Column, Column]
    method: gr.Dropdown
    view: View
    touched: gr.State

    def wire(self, tab: gr.Tab, button: gr.Button) -> None:
        """Connect everything. To be called inside `tab`."""
        session, view = self.session, self.view
        controls = [control for side in self.columns for control in side.controls]
        inputs: set[Any] = {*controls, self.method, view.compared, self.touched}
        outputs = [*view.outputs, *controls]
        options: dict[str, Any] = {**RUN, "show_progress_on": [view.result]}
        session.follow(Part(self.draw, outputs, inputs, empty=self.empty), tab, **options)
        for event, job in ((self.method.input, self.switch_method), (button.click, self.press)):
            event(job, {*session.inputs, *inputs}, outputs, trigger_mode="always_last", **options)
        for side in self.columns:
            wire_column(session.engine, side, self.touched)

    def press(self, values: Values, progress: gr.Progress = PROGRESS) -> Values:
        """Compare what the controls say now."""
        picture = values[self.session.image]
        if not picture:
            return self.view.empty(words.write_waiting(words.NO_RESULT))
        a, b = (side.read(values) for side in self.columns)
        return self.compare(values, picture, (a, b), make_progress(progress))

    def switch_method(self, values: Values, progress: gr.Progress = PROGRESS) -> Values:
        """Show another map of what is shown."""
        known = values[self.view.compared]
        if not known:
            return {self.view.compared: gr.skip()}
        picture, pair = known
        return self.compare(values, picture, pair, make_progress(progress))

    def is_settled(self, values: Values) -> bool:
        """Return whether the visitor has chosen the sides, and the picture is still the compared one."""
        known = values[self.view.compared]
        return bool(values[self.touched] and known and known[0] == values[self.session.image])

    def empty(self, values: Values) -> Values:
        """Return the tab for another result that nobody sees here."""
        if self.is_settled(values):
            return {self.view.compared: gr.skip()}
        return self.view.empty(
            words.write_waiting(words.RUNNING if values[self.session.key] else words.NO_RESULT)
        )

    def draw(self, values: Values, report: Progress) -> Values:
        """Return A as the left column shows it, B as its contrast; unless the visitor has chosen both."""
        if self.is_settled(values):
            return {self.view.compared: gr.skip()}
        if values[self.touched]:
            return self.view.empty(words.write_waiting(words.PRESS))
        engine = self.session.engine
        first = self.session.make_request(values)
        both = (first, engine.contrast(first))
        a, b = (
            (one.model, round(100 * one.pruning_ratio), one.selector, one.size, one.reduction) for one in both
        )
        added = values[self.session.added]
        shown = [side.show(engine, one, added) for side, one in zip(self.columns, (a, b), strict=True)]
        return {**shown[0], **shown[1], **self.compare(values, first.image, (a, b), report)}

    def compare(
        self, values: Values, picture: Any, pair: tuple[Setting, Setting], report: Progress
    ) -> Values:
        """Return what shows the result of both settings, or one sentence on why there is none."""
        engine = self.session.engine
        with tell_errors():
            try:
                a, b = (make_request(engine, picture, setting) for setting in pair)
                for one in (a, b):
                    fetch(engine, one.model, report)
                found = engine.compare(a, b, method=values[self.method], progress=report)
            except ValueError as error:
                return self.view.empty(words.write_problem(explain(error)))
        return {**self.view.fill(found), self.view.compared: (picture, pair)}
