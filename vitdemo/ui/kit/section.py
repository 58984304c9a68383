"""A part of a tab: what fills it, and a button that runs a job for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vitdemo.engine import Progress
from vitdemo.ui.kit.followers import emptied
from vitdemo.ui.kit.session import Left, Values, told
from vitdemo.ui.kit.visit import HEAVY, reported


@dataclass(frozen=True)
class Section:
    """What fills a part of a tab when the tab is seen: `show(values)` gives all `outputs` for a new result,
    from `inputs` and those of the left column."""

    show: Callable[[Values], Values]
    inputs: set[Any]
    outputs: list[Any]


def on_button(
    left: Left,
    button: gr.Button,
    *,
    job: Callable[[Values, Progress], Values],
    inputs: set[Any],
    outputs: list[Any],
) -> None:
    """A click runs `job(values, report)` about the shown result, which may run a network. A new result
    takes the old one's `outputs` away, also those that are still to come, and hides pictures."""

    drawn = gr.State(None)

    def run(values: Values, progress: gr.Progress = gr.Progress()) -> Values:  # noqa: B008
        if not values[left.key]:
            return {drawn: gr.skip()}
        with told():
            return {**job(values, reported(progress)), drawn: values[left.key]}

    def cleared() -> Values:
        return {**{one: hidden(one) for one in outputs}, drawn: None}

    emptied(left, cleared, drawn=drawn, outputs=[*outputs, drawn])
    clicked = button.click(
        run,
        {*left.inputs, *inputs},
        [*outputs, drawn],
        show_progress_on=[outputs[0]],
        api_visibility="private",
        **HEAVY,
    )
    left.jobs.append(clicked)


def hidden(component: Any) -> Any:
    """An update that empties `component`, and hides a picture, whose empty frame would take room."""
    return gr.update(value=None, visible=not isinstance(component, (gr.Image, gr.Gallery)))
