"""Parts of the page that show something of the result.

A bell wakes those whom another result concerns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vitdemo.engine import Progress

Values = dict[Any, Any]  # component -> its value, as gradio hands them over for a set of inputs
RING = """const ring = () => props.value && JSON.parse(props.value).parts.forEach((part) => trigger(part));
watch("value", ring);
ring();  // among """  # gradio looks for the names of its events there


@dataclass(frozen=True)
class Part:
    """Something of the result.

    `draw(values, report)` gives `outputs`, from the values of `inputs` and of what a request needs.
    `empty(values)` gives them where there is no result, or one that nobody looks at; without it they are left
    without a value. `version(values)`: what is drawn depends on it as well, beside the result.
    """

    draw: Callable[[Values, Progress], Values]
    outputs: Sequence[Any]
    inputs: Set[Any] = frozenset()
    empty: Callable[[Values], Values] | None = None
    version: Callable[[Values], Any] = lambda values: None

    def clear(self, values: Values) -> Values:
        """Return `outputs` where there is nothing to show."""
        return self.empty(values) if self.empty else dict.fromkeys(self.outputs)


def join(parts: Sequence[Part]) -> Part:
    """Return the parts as one, which costs the page one event instead of one each."""

    def draw(values: Values, report: Progress) -> Values:
        return {output: value for part in parts for output, value in part.draw(values, report).items()}

    outputs = [output for part in parts for output in part.outputs]
    return Part(draw, outputs, frozenset().union(*(part.inputs for part in parts)))


@dataclass(frozen=True)
class Follower:
    """What an event does for a part of the page when there is another result.

    If it `wants(values)` to know of it, the event, with these `options`, has `run` update `outputs` from
    `inputs`.
    """

    wants: Callable[[Values], bool]
    run: Callable[..., Values]
    inputs: Set[Any]
    outputs: Sequence[Any]
    options: Mapping[str, Any]


def ring(followers: Sequence[Follower], key: gr.State, **options: Any) -> None:
    """Wake the `followers` that want to know of another `key`. `options`: of the event that asks them."""
    parts = {f"part{number}": follower for number, follower in enumerate(followers)}
    bell: Any = gr.HTML(
        html_template="<i></i>", js_on_load=RING + json.dumps(list(parts)), padding=False, elem_id="bell"
    )

    def wake(values: Values) -> str:
        rung = [name for name, follower in parts.items() if follower.wants(values)]
        return json.dumps({"result": (values[key] or "")[:12], "parts": rung})

    inputs: set[Any] = {key}.union(*(follower.inputs for follower in followers))
    key.change(wake, inputs, bell, **options)
    for name, follower in parts.items():
        getattr(bell, name)(follower.run, set(follower.inputs), list(follower.outputs), **follower.options)
