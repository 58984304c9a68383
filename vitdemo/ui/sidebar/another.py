"""A network that the menu does not have, or that must be downloaded: it is looked up, offered and fetched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import gradio as gr

from vitdemo.engine import Engine, Progress
from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.components import QUIET, list_networks
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.language import say, say_both, translate
from vitdemo.ui.kit.session import PROGRESS, Session
from vitdemo.ui.kit.told import take
from vitdemo.ui.kit.visit import HUB, make_progress

WORDS = {
    "summary": "Another model",
    "explain": "A repository of the Hugging Face Hub, its address, or a name of timm. Its size comes first.",
    "field": "Name of a model",
    "look": "Look up",
    "looking": "Looking …",
    "fetch": "Download",
    "stop": "Cancel",
}
OFFER = "{title}: {megabytes} MB are to be downloaded."
STAYS = "{problem} What was shown stays; another name or a model without an arrow may do."


@dataclass(frozen=True)
class Another:
    """The box, and the place where the progress of what it waits for is shown."""

    box: gr.HTML
    progress: gr.HTML

    def wire(self, session: Session) -> None:
        """Connect what looks networks up and fetches them; what then shows one is the page's.

        What was looked up joins the visitor's menu, with what is to be downloaded for it.
        """
        engine = session.engine

        def look_up(values: Values, event: gr.EventData, progress: gr.Progress = PROGRESS) -> Values:
            name = take(event, "name", str)

            def find(report: Progress) -> Values:
                key = engine.networks.look_up(name, progress=report)
                added = add_to_menu(session, values, key)
                menu = gr.Dropdown(list_networks(engine, added))
                return {self.box: offer(engine, key), session.model: menu, session.added: added}

            return self._attempt(find, progress)

        def fetch(event: gr.EventData, progress: gr.Progress = PROGRESS) -> Values:
            key = take(event, "key", str)

            def load(report: Progress) -> Values:
                engine.load(key, progress=report)
                return {self.box: update(show=key)}

            return self._attempt(load, progress)

        options: dict[str, Any] = {
            **HUB,
            "api_visibility": "private",
            "show_progress_on": [self.progress],
            "trigger_mode": "multiple",
        }
        box: Any = self.box
        menu = [session.model, session.added]
        jobs = [
            box.look(look_up, {session.added}, [box, *menu], **options),
            box.fetch(fetch, None, [box], **options),
        ]
        box.stop(None, cancels=jobs, **QUIET)

    def _attempt(self, work: Callable[[Progress], Values], progress: gr.Progress) -> Values:
        """Return what `work` makes of the page, or a box that says what went wrong."""
        try:
            with tell_errors(html=False):
                return work(make_progress(progress))
        except gr.Error as error:
            return {self.box: update(line=say(STAYS, problem=error.message), problem=True)}


def build() -> Another:
    """Build the box, and below it the place for progress."""
    box = build_module(
        "sidebar/another",
        event="look fetch stop show",
        elem_id="another",
        words=say_both(WORDS),
        value=json.dumps({}),
    )
    return Another(box, gr.HTML(padding=False, elem_id="another-progress"))


def add_to_menu(session: Session, values: Values, model: str) -> tuple[str, ...]:
    """Return what the visitor's menu has besides, with `model` where the menu lacked it."""
    added = values[session.added]
    listed = {key for _, key in session.engine.networks.menu(added)}
    return added if model in listed else (*added, model)


def offer(engine: Engine, key: str, *, now: bool = False) -> gr.HTML:
    """Return the box for a known network: it is shown, or to be downloaded, `now` or when asked to."""
    if engine.networks.is_at_hand(key):
        return update(show=key)
    title, size = translate(engine.info(key).title), engine.networks.measure_download(key)
    return update(line=say(OFFER, title=title, megabytes=f"{size:,.0f}"), key=key, now=now)


def update(**said: Any) -> gr.HTML:
    """Return an update of the box, `Said` in another.js; no two are equal, so that the browser notices."""
    return gr.HTML(value=json.dumps({**said, "turn": uuid4().hex}))
