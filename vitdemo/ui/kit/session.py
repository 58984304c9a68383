"""What a page shows to its visitor: the request, the key of its result, and the parts that follow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gradio as gr

from vitdemo.engine import Analysis, Engine, Expired, Progress, Request, Result
from vitdemo.ui.kit.components import QUEUED, QUIET, RUN, SHOWN, hide
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Follower, Part, Values, ring
from vitdemo.ui.kit.opening import First
from vitdemo.ui.kit.pictures import Upload
from vitdemo.ui.kit.received import choose_known
from vitdemo.ui.kit.visit import analyse, make_progress, may_run_networks

PROGRESS = gr.Progress()  # gradio fills it in
FIRST = "what the page brings with it"
FIRST_TAB = "tab-prediction"
# The first tab's event may come after that of the tab which a link opens, so that the page itself is asked.
FIND_OPEN_TAB = """async () => {
  await new Promise((done) => setTimeout(done));  // until the page has drawn it
  return window.findOpenTab();
}"""


@dataclass(frozen=True)
class Answer:
    """`words(analysis)` fills `outputs`; see `Session.show`."""

    outputs: Sequence[Any]
    words: Callable[[Analysis | None], Sequence[Any]]


@dataclass(frozen=True)
class Session:
    """The components and states of a page that more than one room uses. To be made inside the page.

    `image` to `reduction`: what the visitor asks for. `key`: the key of the shown result, and nothing else of
    it. `active`: the elem_id of the open tab, which the browser keeps. `chosen`: (key, class, class rather
    than which), as they were clicked last. `added`: keys of networks that the visitor's menu has besides.
    `answers`: what is shown of an analysis in the very event that makes it, see `show`.
    """

    engine: Engine
    first: First | None
    image: Upload
    model: gr.Dropdown
    size: gr.Dropdown
    ratio: gr.Slider
    selector: gr.Dropdown
    reduction: gr.Dropdown
    key: gr.State = field(default_factory=partial(gr.State, None))
    active: gr.Textbox = field(default_factory=partial(gr.Textbox, FIRST_TAB, visible="hidden"))
    chosen: gr.State = field(default_factory=partial(gr.State, None))
    added: gr.State = field(default_factory=partial(gr.State, ()))
    answers: list[Answer] = field(default_factory=list)
    _followers: list[Follower] = field(default_factory=list)
    _jobs: list[Any] = field(default_factory=list)

    @property
    def asked(self) -> dict[str, Any]:
        """What a request is made of, by name."""
        parts = ("image", "model", "size", "ratio", "selector", "reduction")
        return {name: getattr(self, name) for name in parts}

    @property
    def inputs(self) -> set[Any]:
        """Everything that a request, or a picture of its result, needs."""
        return {self.key, self.added, *self.asked.values()}

    def make_request(self, values: Values) -> Request:
        """Return what the visitor asks for now."""
        model = values[self.model]
        selector = choose_known(values[self.selector], self.engine.info(model).selectors)
        size = choose_known(values[self.size], self.engine.sizes(model))
        ratio, reduction = values[self.ratio] / 100, values[self.reduction]
        return Request(values[self.image], model, ratio, selector, size, reduction)

    def open(self, values: Values, report: Progress | None = None) -> Result:
        """Return the shown result, whose jobs tell `report`. Runs the network if memory has dropped it.

        Raise Expired, whose message is one sentence for the visitor, where that would run a network past the
        line of those that wait for one.
        """
        report = report or make_progress()
        try:
            return self.engine.recall(values[self.key] or "", progress=report)
        except Expired:
            if not may_run_networks():
                raise
            return analyse(self.engine, self.make_request(values), report)

    def find_classes(self, values: Values) -> tuple[str, str]:
        """Return the clicked class of the shown result ("": its answer), and that rather than which."""
        key, label, against = values[self.chosen] or (None, "", "")
        return (label, against) if key == values[self.key] else ("", "")

    def show(self, outputs: Sequence[Any], words: Callable[[Analysis | None], Sequence[Any]]) -> None:
        """Have `words(analysis)` fill `outputs` in the event that runs the model, None where there is none.

        It is for what is seen first and costs nothing. All else follows.
        """
        self.answers.append(Answer(outputs, words))

    def follow(
        self,
        part: Part,
        place: gr.Tab | gr.Accordion | gr.Button | None,
        *,
        brought: bool = False,
        also: Sequence[Callable[..., Any]] = (),
        **options: Any,
    ) -> None:
        """Have `part` show the result whenever somebody looks at its `place`, and only then.

        In a tab or an accordion it is drawn when that is opened and, while it is open, for each new result. A
        new result that nobody sees empties it, since what may never be looked at must cost no time. At a
        button it is drawn by a click alone, and another result takes it away, even if it is still to come.
        Without a place it is always seen, and must cost next to nothing. To be called where the part is
        built. `brought`: the page comes with the part drawn. `also`: events after which a part in a tab or an
        accordion is as after a new result. `options`: of the events; without any, a button runs a network,
        and the other places draw what is known.

        A new result goes through the browser and back: one event asks who wants to know and rings a bell,
        unseen on the page, which starts the events of those alone. Were each part to listen for itself, every
        new result would start them all, most of them only to find that nobody looks: gradio's page needs a
        tenth of a second for each, and waits meanwhile.
        """
        if place is None:
            self._always(part)
        elif isinstance(place, gr.Button):
            self._at_click(part, place, options or RUN)
        else:
            follower = self._while_open(part, place, options or SHOWN, gr.State(FIRST if brought else None))
            for event in also:
                event(follower.run, follower.inputs, list(follower.outputs), **follower.options)

    def wire(self, tabs: gr.Tabs) -> None:
        """Connect the followers, and what tells which tab is open. Call this inside the page, last."""
        tabs.change(None, None, self.active, js=FIND_OPEN_TAB, **QUIET)
        ring(self._followers, self.key, **QUIET)
        self.key.change(None, cancels=self._jobs)

    def redraw(
        self,
        events: Sequence[Callable[..., Any]],
        part: Part,
        **options: Any,
    ) -> None:
        """Have `part` drawn when the visitor moves a control of it; without a result nothing happens.

        `options`: of the events.
        """

        def go(values: Values, progress: gr.Progress = PROGRESS) -> Values:
            if not values[self.key]:
                return {part.outputs[0]: gr.skip()}
            with tell_errors():
                return part.draw(values, make_progress(progress))

        options = {**QUEUED, "trigger_mode": "always_last", **options}
        for event in events:
            event(go, {*self.inputs, *part.inputs}, list(part.outputs), **options)

    def _always(self, part: Part) -> None:
        def update(values: Values) -> Values:
            with tell_errors():
                return part.draw(values, make_progress()) if values[self.key] else part.clear(values)

        self.key.change(update, {*self.inputs, *part.inputs}, list(part.outputs), **QUIET)

    def _at_click(self, part: Part, button: gr.Button, options: dict[str, Any]) -> None:
        drawn = gr.State(None)
        empty = part.empty or (lambda values: hide(*part.outputs))
        inputs, outputs = {*self.inputs, *part.inputs, drawn}, [*part.outputs, drawn]

        def run(values: Values, progress: gr.Progress = PROGRESS) -> Values:
            return self._draw(part, values, progress, drawn=drawn)

        def clear(values: Values) -> Values:
            return {**empty(values), drawn: None}

        options = {"show_progress_on": [outputs[0]], **options}
        self._jobs.append(button.click(run, inputs, outputs, **options))
        self._followers.append(Follower(lambda values: bool(values[drawn]), clear, inputs, outputs, QUIET))

    def _while_open(
        self, part: Part, place: gr.Tab | gr.Accordion, options: dict[str, Any], drawn: gr.State
    ) -> Follower:
        tab = isinstance(place, gr.Tab)
        opened = self.active if tab else gr.State(False)
        inputs, outputs = {*self.inputs, *part.inputs, opened, drawn}, [*part.outputs, drawn]

        def is_seen(values: Values) -> bool:
            return values[opened] == place.elem_id if tab else values[opened]

        def is_wanted(values: Values) -> bool:
            return bool(values[drawn] or (values[self.key] and is_seen(values)))

        def look(values: Values, progress: gr.Progress = PROGRESS) -> Values:
            if values[self.key] and values[drawn] == self._stamp(part, values):
                return {drawn: gr.skip()}
            return self._draw(part, values, progress, drawn=drawn)

        def expand(values: Values, progress: gr.Progress = PROGRESS) -> Values:
            return {opened: True, **self._draw(part, values, progress, drawn=drawn)}

        def run(values: Values, progress: gr.Progress = PROGRESS) -> Values:
            return look(values, progress) if is_seen(values) else {**part.clear(values), drawn: None}

        lasting = {"trigger_mode": "always_last", **options}
        if isinstance(place, gr.Tab):
            place.select(look, inputs, outputs, **lasting)
        else:
            place.expand(expand, inputs, [opened, *outputs], **options)
            place.collapse(lambda: False, None, opened, **QUEUED)
        self._followers.append(Follower(is_wanted, run, inputs, outputs, lasting))
        return self._followers[-1]

    def _draw(self, part: Part, values: Values, progress: gr.Progress, *, drawn: gr.State) -> Values:
        """Return the part's outputs and the state that tells what is `drawn`."""
        if not values[self.key]:
            return {**part.clear(values), drawn: None}
        with tell_errors():
            return {**part.draw(values, make_progress(progress)), drawn: self._stamp(part, values)}

    def _stamp(self, part: Part, values: Values) -> list[Any]:
        return [values[self.key], part.version(values)]
