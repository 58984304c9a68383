"""The controls of the attention tab, and what they ask the engine for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vitdemo.engine import DEFAULT_MODEL, AttentionView, Engine, ModelInfo
from vitdemo.ui import text
from vitdemo.ui.parts import figure, gallery
from vitdemo.ui.session import Left, Values

FUSED = -1  # the head dropdown's value for all heads together
FIRST_METHOD = "attention-rollout"


@dataclass(frozen=True)
class Look:
    """The components. `query`: the patch that was clicked, with the picture and the model it belongs to.
    `clicks`: how many clicks asked for another picture."""

    figure: gr.Image
    note: gr.HTML
    heads: gr.Gallery
    reset: gr.Button
    query: gr.State
    clicks: gr.State
    method: gr.Dropdown
    pass_: gr.Radio
    layer: gr.Slider
    head: gr.Dropdown
    fusion: gr.Radio
    discard_ratio: gr.Slider
    opacity: gr.Slider
    smooth: gr.Checkbox

    @property
    def controls(self) -> list[Any]:
        named = [self.method, self.pass_, self.layer, self.head, self.fusion, self.discard_ratio]
        return [*named, self.opacity, self.smooth]

    @property
    def inputs(self) -> set[Any]:
        return {*self.controls, self.query, self.clicks}

    @property
    def outputs(self) -> list[Any]:
        return [self.figure, self.note, self.heads]

    @property
    def model_controls(self) -> dict[Any, Callable[[ModelInfo], Any]]:
        """How the controls follow the model."""
        return {
            self.layer: lambda info: gr.Slider(maximum=info.layers - 1, value=info.layers - 1),
            self.head: lambda info: gr.Dropdown(head_choices(info), value=FUSED),
            self.heads: lambda info: gr.Gallery(columns=min(info.heads, 6)),
        }

    def view(self, values: Values, query: int | None) -> AttentionView:
        """What the controls say."""
        head = values[self.head]
        return AttentionView(
            method=values[self.method],
            pass_=values[self.pass_],
            layer=int(values[self.layer]),
            head=None if head == FUSED else head,
            fusion=values[self.fusion],
            discard_ratio=values[self.discard_ratio] / 100,
            query=query,
            opacity=values[self.opacity] / 100,
            smooth=values[self.smooth],
        )

    def patch(self, left: Left, values: Values) -> int | None:
        """The clicked patch, as long as its picture and model are those shown."""
        query = values[self.query]
        shown = (values[left.image], values[left.model])
        return query[2] if query is not None and tuple(query[:2]) == shown else None


def head_choices(info: ModelInfo) -> list[tuple[str, int]]:
    return [("All heads, fused", FUSED), *((f"Head {head}", head) for head in range(info.heads))]


def build_look(engine: Engine) -> Look:
    """Figure left, controls right, all heads below."""
    info = engine.info(DEFAULT_MODEL)
    with gr.Row(equal_height=False):
        with gr.Column(scale=6, min_width=300):
            shown = figure(
                "Attention over the picture; click a patch to start there", elem_id="attention-figure"
            )
            note = gr.HTML(text.query(None, info.grid), padding=False, elem_id="query-note")
            reset = gr.Button("Start from what the head reads", size="sm", elem_id="reset-query")
        with gr.Column(scale=5, min_width=280):
            controls = build_controls(engine, info)
    gr.HTML(text.title("All heads of this layer, on one scale", text.HEADS), padding=False)
    heads = gallery(columns=5, allow_preview=False, elem_id="heads")
    return Look(
        figure=shown,
        note=note,
        heads=heads,
        reset=reset,
        query=gr.State(None),
        clicks=gr.State(0),
        **controls,
    )


def build_controls(engine: Engine, info: ModelInfo) -> dict[str, Any]:
    methods, last = engine.methods(), info.layers - 1
    first = next(method for method in methods if method.key == FIRST_METHOD)
    counts = first.options  # a control that the method ignores is shown, greyed out
    controls = {
        "method": gr.Dropdown(
            [(method.title, method.key) for method in methods],
            value=FIRST_METHOD,
            label="Method",
            info=first.summary,
            filterable=False,
            elem_id="method",
        ),
        "pass_": gr.Radio([("Pruned", "pruned"), ("Dense", "dense")], value="pruned", label="Pass"),
        "layer": gr.Slider(
            0, last, last, step=1, label="Layer", buttons=[], elem_id="layer", interactive="layer" in counts
        ),
        "head": gr.Dropdown(
            head_choices(info),
            value=FUSED,
            label="Head",
            filterable=False,
            elem_id="head",
            interactive="head" in counts,
        ),
        "fusion": gr.Radio(
            ["mean", "max", "min"], value="mean", label="Head fusion", interactive="fusion" in counts
        ),
        "opacity": gr.Slider(0, 100, 60, step=5, label="Opacity (%)", buttons=[], elem_id="opacity"),
    }
    with gr.Accordion("More", open=False):
        controls["discard_ratio"] = gr.Slider(
            0,
            95,
            0,
            step=5,
            label="Discard ratio (%)",
            info="The weakest attention weights of each layer, which rollout then ignores.",
            buttons=[],
            interactive="discard_ratio" in counts,
        )
        controls["smooth"] = gr.Checkbox(False, label="Blend between patches")
    return controls
