"""What the parts of the page do when another result is shown.

One event asks who wants to know and rings a bell, unseen on the page, which starts the events of those alone.
Were each part to listen for itself, every new result would start them all, most of them only to find that
nobody looks: gradio's page needs a tenth of a second for each, and waits meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from vitdemo.ui.kit.components import QUIET
from vitdemo.ui.kit.session import Follower, Left, Values, told
from vitdemo.ui.kit.visit import LIGHT

Fill = Callable[[Values, gr.Progress], Values]
RING = """const ring = () => props.value && JSON.parse(props.value).parts.forEach((part) => trigger(part));
watch("value", ring);
ring();  // among """  # gradio looks for the names of its events there


def wire(left: Left) -> None:
    """The event, and the bell. To be called inside the page, after all of its parts."""
    parts = {f"part{number}": follower for number, follower in enumerate(left.followers)}
    bell: Any = gr.HTML(
        html_template="<i></i>", js_on_load=RING + json.dumps(list(parts)), padding=False, elem_id="bell"
    )

    def arrived(values: Values) -> str:
        rung = [name for name, follower in parts.items() if follower.wants(values)]
        return json.dumps({"result": (values[left.key] or "")[:12], "parts": rung})

    watched = left.inputs.union(*(follower.inputs for follower in left.followers))
    left.key.change(arrived, watched, bell, **QUIET)
    left.key.change(None, cancels=left.jobs)
    for name, follower in parts.items():
        inputs = {*left.inputs, *follower.inputs}
        options = {"trigger_mode": "always_last", "api_visibility": "private", **follower.options}
        getattr(bell, name)(follower.run, inputs, follower.outputs, **options)


def emptied(left: Left, empty: Callable[[], Values], *, drawn: gr.State, outputs: list[Any]) -> None:
    """A new result takes away what the visitor had asked for with a button. `drawn`, one of `outputs`: None
    where nothing is."""

    def wants(values: Values) -> bool:
        return bool(values[drawn])

    left.followers.append(Follower(wants, lambda values: empty(), {drawn}, outputs, QUIET))


def filled(
    left: Left,
    fill: Fill,
    *,
    seen: Callable[[Values], bool],
    drawn: gr.State,
    empty: Callable[[Values], Values],
    inputs: set[Any],
    outputs: list[Any],
    **options: Any,
) -> None:
    """`fill(values, progress)` gives `outputs` for a new result if `seen(values)`. Else they are emptied, as
    what nobody may ever look at must cost no time.

    `drawn`, one of `outputs`: None where nothing is drawn. `options`: of the event.
    """

    def wants(values: Values) -> bool:
        return bool(values[drawn] or (values[left.key] and seen(values)))

    def run(values: Values, progress: gr.Progress = gr.Progress()) -> Values:  # noqa: B008
        return fill(values, progress) if values[left.key] and seen(values) else empty(values)

    left.followers.append(Follower(wants, run, {*inputs, drawn}, outputs, options))


def drawn_when_seen(
    tab: gr.Tab,
    left: Left,
    show: Callable[[Values], Values],
    *,
    inputs: set[Any],
    outputs: list[Any],
    first: str | None = None,
    **options: Any,
) -> None:
    """Fill `outputs` when `tab` is opened or, while it is open, when a new result arrives.

    To be called inside `tab`, because gradio takes all that stands between two tabs for a tab. `first`: what
    the page brings with it, None for nothing; it is drawn again once there is a result. `options`:
    of the events.
    """
    name, drawn = tab.elem_id, gr.State(first)
    inputs, outputs = {*inputs, left.active, drawn}, [*outputs, drawn]

    def fill(values: Values, _: gr.Progress | None = None) -> Values:
        if not values[left.key]:
            return empty(values)
        if values[drawn] == values[left.key]:
            return {drawn: gr.skip()}
        with told():
            return {**show(values), drawn: values[left.key]}

    def empty(_: Values) -> Values:
        return dict.fromkeys(outputs)

    def opened(values: Values) -> Values:
        return fill(values)

    def seen(values: Values) -> bool:
        return values[left.active] == name

    options = {"api_visibility": "private", "show_progress": "minimal", **LIGHT, **options}
    tab.select(lambda: name, None, left.active, **QUIET)
    tab.select(opened, {*left.inputs, *inputs}, outputs, **options)
    filled(left, fill, seen=seen, drawn=drawn, empty=empty, inputs=inputs, outputs=outputs, **options)
