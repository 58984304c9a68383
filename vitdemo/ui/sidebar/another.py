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
from vitdemo.ui.kit.components import QUIET
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.language import say, say_both, translate
from vitdemo.ui.kit.session import PROGRESS
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

    def wire(self, engine: Engine) -> None:
        """Connect what looks networks up and fetches them; what then shows one is the page's."""

        def look_up(event: gr.EventData, progress: gr.Progress = PROGRESS) -> gr.HTML:
            name = take(event, "name", str)
            return attempt(
                lambda report: offer(engine, engine.networks.look_up(name, progress=report)), progress
            )

        def fetch(event: gr.EventData, progress: gr.Progress = PROGRESS) -> gr.HTML:
            key = take(event, "key", str)

            def load(report: Progress) -> gr.HTML:
                engine.load(key, progress=report)
                return update(show=key)

            return attempt(load, progress)

        options: dict[str, Any] = {
            **HUB,
            "api_visibility": "private",
            "show_progress_on": [self.progress],
            "trigger_mode": "multiple",
        }
        box: Any = self.box
        jobs = [
            listen(job, None, box, **options) for listen, job in ((box.look, look_up), (box.fetch, fetch))
        ]
        box.stop(None, cancels=jobs, **QUIET)


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


def attempt(work: Callable[[Progress], gr.HTML], progress: gr.Progress) -> gr.HTML:
    """Return what `work` makes of the box, or one that says what went wrong."""
    try:
        with tell_errors(html=False):
            return work(make_progress(progress))
    except gr.Error as error:
        return update(line=say(STAYS, problem=error.message), problem=True)


def offer(engine: Engine, key: str, *, now: bool = False) -> gr.HTML:
    """Return the box for a known network: it is shown, or to be downloaded, `now` or when asked to."""
    if engine.networks.is_at_hand(key):
        return update(show=key)
    title, size = translate(engine.info(key).title), engine.networks.measure_download(key)
    return update(line=say(OFFER, title=title, megabytes=f"{size:,.0f}"), key=key, now=now)


def update(**said: Any) -> gr.HTML:
    """Return an update of the box, `Said` in another.js; no two are equal, so that the browser notices."""
    return gr.HTML(value=json.dumps({**said, "turn": uuid4().hex}))
