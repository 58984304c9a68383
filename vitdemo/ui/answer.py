"""The one event that runs a model for the page, and the answer above all tabs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import gradio as gr

from vitdemo.engine import Analysis
from vitdemo.ui import words
from vitdemo.ui.kit.assets import read
from vitdemo.ui.kit.components import QUEUED, QUIET, RUN
from vitdemo.ui.kit.errors import make_mistaken, tell_errors
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.html import Html
from vitdemo.ui.kit.language import label, say
from vitdemo.ui.kit.opening import First
from vitdemo.ui.kit.received import choose_known
from vitdemo.ui.kit.session import PROGRESS, Session
from vitdemo.ui.kit.told import take
from vitdemo.ui.kit.visit import analyse, make_progress
from vitdemo.ui.kit.words import NO_IMAGE
from vitdemo.ui.page import Page
from vitdemo.ui.sidebar.another import update
from vitdemo.ui.sidebar.choices import follow_model, set_model
from vitdemo.ui.sidebar.link import Link, is_complete

FADE_RATIO = "(ratio) => window.fadeStale(Boolean(window.atRatio?.(ratio)))"  # tabs/prediction/film.js


def build_headline(first: First | None) -> gr.HTML:
    """Build the line that holds the answer."""
    shown = words.write_headline(first.analysis) if first else words.write_waiting(Html(label(NO_IMAGE)))
    return gr.HTML(shown, padding=False, elem_id="headline")


@dataclass(frozen=True)
class Answering:
    """The events that fill the headline, and all that was given to `Session.show`.

    `wider`: the button that asks a network which knows more words. `answered`: (key, what was asked for it).
    """

    session: Session
    headline: gr.HTML
    link: Link
    page: Page
    wider: gr.Button
    answered: gr.State = field(default_factory=partial(gr.State, None))

    @property
    def outputs(self) -> list[Any]:
        """What an answer fills. The key last: its change is told of before what comes after it is there."""
        shown = [output for answer in self.session.answers for output in answer.outputs]
        return [self.headline, *shown, self.session.key]

    def fill(self, headline: str, analysis: Analysis | None) -> Values:
        """Return an update for each of `outputs`."""
        shown = [value for answer in self.session.answers for value in answer.words(analysis)]
        key = analysis.key if analysis else None
        return dict(zip(self.outputs, [headline, *shown, key], strict=True))

    def answer(self, values: Values, event: gr.EventData, progress: gr.Progress = PROGRESS) -> Values:
        """Analyse what the visitor asks for now. Another model may take the picture's place as well.

        One that must be downloaded is fetched first, and then shown by `show`.
        """
        session = self.session
        networks, model = session.engine.networks, values[session.model]
        if event.target is session.model and networks.is_known(model):
            if not networks.is_at_hand(model):
                return {self.headline: gr.skip()}
            if example := follow_model(session, values):
                values = {**values, session.image: str(example.path)}
        if self.is_shown(values):
            return {self.headline: gr.skip()}
        told = self.analyse(values, progress)
        return {**told, self.answered: (told[session.key], self._name(values))}

    def is_shown(self, values: Values) -> bool:
        """Return whether the page shows what `values` ask for; gradio tells of each upload twice."""
        key = values[self.session.key]
        same = values[self.answered] == (key, self._name(values))
        return same and key is not None and self.session.engine.has(key)

    def analyse(self, values: Values, progress: gr.Progress) -> Values:
        """Analyse what `values` ask for."""
        session = self.session
        if not values[session.image]:
            return self.fill(words.write_waiting(say(NO_IMAGE)), None)
        try:
            with tell_errors(html=False):  # words.problem escapes it
                result = analyse(session.engine, session.make_request(values), make_progress(progress))
        except gr.Error as error:  # said where the answer would stand, so that no old result stays beside it
            engine, model = session.engine, values[session.model]
            known = engine.networks.is_known(model)  # others may have named so many that it was dropped
            missing = known and not (engine.info(model).bundled or engine.loaded(model))
            return self.fill(words.write_problem(error.message, missing=missing), None)
        return self.fill(words.write_headline(result.analysis), result.analysis)

    def ask_wider(self, values: Values, progress: gr.Progress = PROGRESS) -> Values:
        """Return what a network that knows more words says of the picture, and the left column with it."""
        model = self.session.engine.networks.find_wider(values[self.session.model])
        if model is None:  # its files have been deleted since
            return {self.wider: gr.Button(visible=False)}
        return self.switch(values, model, progress)

    def show(self, values: Values, event: gr.EventData, progress: gr.Progress = PROGRESS) -> Values:
        """Return what the network that has just been fetched says, and the left column with it."""
        model, search = take(event, "key", str), take(event, "search", str)
        with tell_errors():
            self.session.engine.info(model)
        asked, look = self.link.follow_later(values, search, model)
        return {self.link.side.another.box: update(), **look, **self.switch(asked, model, progress)}

    def switch(self, values: Values, model: str, progress: gr.Progress) -> Values:
        """Return what `model` says of the picture, and the left column with it."""
        session, side = self.session, self.link.side
        info = session.engine.info(model)
        selector = choose_known(values[session.selector], info.selectors)
        values = {**values, session.model: model, session.selector: selector}
        return {**set_model(side, values), **self.analyse(values, progress)}

    def wire(self) -> None:
        """Analyse when the page opens, and whenever the picture or a setting changes.

        A page opens with what its `link` asks for.
        """
        session, link = self.session, self.link
        first = session.first

        # What is in memory comes with the left column, in the one event of a page that opens. For what is
        # not, and for a visitor's own picture, which takes work to decode, the page asks a second time. One
        # event that yields twice would not do: gradio tells of the new key before the rest is there.
        def open_page(values: Values, request: gr.Request) -> Values:
            asked, found = link.read_address(values, request)
            image = values[session.image]
            own = asked[session.image] == image and image in self.page.list_first()
            known = session.engine.find(session.make_request(asked)) if own else None
            updates = link.make_updates(found, asked, pending=not known)
            if known and first and known.key == first.analysis.key and is_complete(found):
                return {**updates, session.key: known.key}
            if known:
                return {**updates, **self.fill(words.write_headline(known.analysis), known.analysis)}
            shown = {session.key: first.analysis.key} if first else {}
            return {**updates, **shown, wanted: {name: asked[part] for name, part in session.asked.items()}}

        def answer_page(values: Values, event: gr.EventData, progress: gr.Progress = PROGRESS) -> Values:
            if "search" not in event._data:
                if values[wanted] is None:  # no page has been opened in this session
                    raise make_mistaken()
                return self._answer_pending(values[wanted], values[session.image], progress)
            asked, updates = link.go_back(values, take(event, "search", str), take(event, "turn", int))
            return {**updates, **self.analyse(asked, progress), session.image: asked[session.image]}

        wanted = gr.State(None)  # what the address of the page asks for, by name
        inputs = session.inputs - {session.key}
        options: dict[str, Any] = {**RUN, "show_progress_on": [self.headline]}
        self.page.load(open_page, inputs, [*link.outputs, *self.outputs, wanted], **QUEUED)
        outputs = list(dict.fromkeys([*link.outputs, *self.outputs, session.image]))
        link.button.ask(answer_page, {*inputs, wanted}, outputs, trigger_mode="multiple", **options)
        here = [session.ratio, self.headline]
        session.ratio.input(None, here, self.headline, js=read("answer.js"), **QUIET)
        side = link.side
        box = side.another.box
        column = [session.model, session.size, session.selector, session.added, side.examples, side.counts]
        self.wider.click(self.ask_wider, inputs, [*column, self.wider, *self.outputs], **options)
        outputs = [*column, box, link.button, *self.outputs]
        box.show(self.show, inputs, outputs, **options)  # type: ignore[attr-defined]
        chosen = (session.model, session.size, session.selector, session.reduction)
        asking = [session.image.change, *(one.input for one in chosen)]
        self._fade(asking)
        gr.on(
            [*asking, session.ratio.release],
            self.answer,
            {*inputs, session.key, self.answered},
            [self.answered, *self.outputs],
            trigger_mode="always_last",
            **options,
        )

    def _name(self, values: Values) -> tuple[Any, ...]:
        return tuple(values[part] for part in self.session.asked.values())

    def _answer_pending(self, asked: dict[str, Any], shown: str, progress: gr.Progress) -> Values:
        """Analyse what the address of the page asked for, by name; `shown` is the picture that is there."""
        session = self.session
        result = self.analyse({part: asked[name] for name, part in session.asked.items()}, progress)
        # The picture comes last: its change asks again, and must do so with the model shown by then.
        return result if asked["image"] == shown else {**result, session.image: asked["image"]}

    def _fade(self, asking: list[Any]) -> None:
        """Have the page fade what is shown as soon as something else is asked for."""
        ratio = self.session.ratio
        gr.on([*asking, self.wider.click], None, js="() => window.fadeStale()", **QUIET)
        ratio.release(None, ratio, None, js=FADE_RATIO, **QUIET)
