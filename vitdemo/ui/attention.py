"""The second tab: where the network looked. Every control only draws another picture of the same result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from vitdemo.engine import Engine
from vitdemo.ui import text
from vitdemo.ui.look import Look, build_look
from vitdemo.ui.parts import QUIET
from vitdemo.ui.session import Left, Values, draw, drawn_when_seen, told

Show = Callable[[Values], Values]
HEAD_METHOD = "head-rollout"  # what the gallery shows where the method itself has no single heads


def tab(engine: Engine, left: Left) -> Look:
    """The tab, filled when it is seen."""
    with gr.Tab("Attention", elem_id="tab-attention") as opened:
        look = build_look(engine)
        show = shower(engine, left, look)
        drawn_when_seen(opened, left, show, inputs=look.inputs, outputs=look.outputs)
    wire_controls(engine, left, look, show)
    wire_clicks(engine, left, look)
    return look


def shower(engine: Engine, left: Left, look: Look) -> Show:
    """The function that draws the figure, its note and the gallery as the controls say."""

    def both(values: Values, patch: int | None) -> tuple[Any, Any]:
        view = look.view(values, patch)
        return draw(
            engine,
            left,
            values,
            lambda key: (engine.attention_figure(key, view), engine.head_gallery(key, view)),
        )

    def show(values: Values) -> Values:
        patch, problem = look.patch(left, values), ""
        try:
            pictures = both(values, patch)
        except ValueError as error:
            if patch is None:
                raise
            problem, patch = str(error), None  # the patch is pruned before this layer, say
            pictures = both(values, None)
        note = text.query(patch, engine.info(values[left.model]).grid, problem)
        return {look.figure: pictures[0], look.heads: pictures[1], look.note: note}

    return show


def wire_controls(engine: Engine, left: Left, look: Look, show: Show) -> None:
    """Every control and every click draws anew; the method also says which of the controls count.

    One event for all of them, so that a late answer never covers a newer one.
    """
    methods = {method.key: method for method in engine.methods()}
    optional = {
        look.layer: "layer",
        look.head: "head",
        look.fusion: "fusion",
        look.discard_ratio: "discard_ratio",
    }

    def method_changed(key: str) -> Values:
        updates = {
            component: type(component)(interactive=option in methods[key].options)
            for component, option in optional.items()
        }
        return {look.method: gr.Dropdown(info=methods[key].summary), **updates}

    def redraw(values: Values) -> Values:
        if not values[left.key]:
            return {look.note: gr.skip()}
        with told():
            return show(values)

    gr.on(
        [look.clicks.change, *(component.input for component in look.controls)],
        redraw,
        {*left.inputs, *look.inputs},
        look.outputs,
        trigger_mode="always_last",
        **QUIET,
    )
    look.method.change(method_changed, look.method, [look.method, *optional], **QUIET)


def wire_clicks(engine: Engine, left: Left, look: Look) -> None:
    """A patch of the figure starts the look there; a picture of the gallery chooses its head."""
    with_head = [method.key for method in engine.methods() if "head" in method.options]

    def patch_clicked(values: Values, event: gr.SelectData) -> Values:
        x, y = (int(place) for place in event.index)
        try:
            patch = draw(engine, left, values, lambda key: engine.patch_at(key, x, y))
        except ValueError:  # the colour bar
            return {look.query: gr.skip()}
        return {look.query: (values[left.image], values[left.model], patch), **counted(values)}

    def reset(values: Values) -> Values:
        return {look.query: None, **counted(values)}

    def head_clicked(values: Values, event: gr.SelectData) -> Values:
        method = values[look.method] if values[look.method] in with_head else HEAD_METHOD
        return {look.head: event.index, look.method: method, **counted(values)}

    def counted(values: Values) -> Values:
        return {look.clicks: values[look.clicks] + 1}

    inputs = {*left.inputs, *look.inputs}
    queued = {**QUIET, "queue": True}  # gradio tells of a changed state only through the queue
    look.figure.select(patch_clicked, inputs, [look.query, look.clicks], trigger_mode="multiple", **queued)
    look.reset.click(reset, inputs, [look.query, look.clicks], **queued)
    look.heads.select(head_clicked, inputs, [look.head, look.method, look.clicks], **queued)
