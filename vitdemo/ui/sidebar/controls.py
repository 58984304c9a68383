"""The left column: the picture, where it may come from, and what to run on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from vitdemo.engine import MAX_PRUNING_RATIO, Engine
from vitdemo.engine.samples import has_samples
from vitdemo.examples import Example
from vitdemo.ui.kit.choice import Choice
from vitdemo.ui.kit.components import (
    build_reduction,
    caption_examples,
    gallery,
    list_networks,
    list_selectors,
    remark,
)
from vitdemo.ui.kit.language import label
from vitdemo.ui.kit.opening import FIRST_RATIO, First, list_examples
from vitdemo.ui.kit.pictures import Upload
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.sizes import list_sizes
from vitdemo.ui.sidebar import another, words

# On a phone it shows and hides what can be chosen; wider screens have room for both.
FOLD = '<button type="button" aria-expanded="false" aria-controls="settings">${value}</button>'
UNFOLD = """element.addEventListener("click", () => {
  const button = element.querySelector("button");
  button.ariaExpanded = button.ariaExpanded !== "true";
});"""


@dataclass(frozen=True)
class Sidebar:
    """The left column: what the page shares with its tabs, and what is the column's own.

    `note`: the line under the picture. `strip`, `paths`: several uploads. `counts`: how many patches stay.
    `another`: networks that the menu does not have, or that must be downloaded.
    `other`: networks that the menu does not have, or that must be downloaded.
    """

    session: Session
    note: gr.HTML
    examples: gr.Gallery
    uploads: gr.UploadButton
    strip: gr.Gallery
    paths: gr.State
    sample: gr.Button
    counts: gr.HTML
    another: another.Another

    @property
    def settings(self) -> dict[str, Any]:
        """What runs on the picture, by the names that links use."""
        session = self.session
        parts = ("model", "size", "ratio", "selector", "reduction")
        return {name: getattr(session, name) for name in parts}


def build(engine: Engine, *, first: First | None, data_dir: Path | None, uploads: bool) -> Sidebar:
    """Build the column, showing the first example and the default model, with ways to upload or without."""
    first_model = engine.default_model
    info, examples = engine.info(first_model), list_examples(engine, first_model)
    table = engine.token_table(first_model, info.num_patches)
    image, note = build_picture(examples[0], uploads=uploads)
    strip = gallery([], columns=5, visible=False, allow_preview=False, elem_id="strip")
    gr.HTML(label(words.SETTINGS), html_template=FOLD, js_on_load=UNFOLD, padding=False, elem_id="fold")
    with gr.Column(elem_id="settings"):
        thumbnails = gallery(
            caption_examples(examples), columns=5, allow_preview=False, selected_index=0, elem_id="examples"
        )
        several, sample = build_sources(data_dir=data_dir, uploads=uploads)
        model = gr.Dropdown(
            list_networks(engine),
            value=first_model,
            label=label("Model"),
            info=label(info.summary),
            filterable=False,
            elem_id="model",
        )
        other = another.build()
        size = build_size(engine, first_model)
        ratio = gr.Slider(
            0,
            100 * MAX_PRUNING_RATIO,
            FIRST_RATIO,
            step=5,
            label=label("Pruning ratio (%)"),
            info=label("The share of patches that each stage drops."),
            buttons=[],
            elem_id="ratio",
        )
        counts = gr.HTML(
            words.fill_counts(table, FIRST_RATIO, size=engine.sizes(first_model)[""]),
            html_template=words.COUNTS,
            padding=False,
            elem_id="counts",
        )
        selector = Choice(
            list_selectors(info.selectors),
            value=info.selectors[0],
            label=label("Selector: what decides which patches stay"),
            filterable=False,
            elem_id="selector",
        )
        reduction = build_reduction(words.REDUCTION, words.REDUCTION_MORE, elem_id="reduction")
    shared = {"model": model, "size": size, "ratio": ratio, "selector": selector, "reduction": reduction}
    session = Session(engine, first, image=image, **shared)
    return Sidebar(
        session,
        note=note,
        examples=thumbnails,
        uploads=several,
        strip=strip,
        paths=gr.State([]),
        sample=sample,
        counts=counts,
        another=other,
    )


def build_size(engine: Engine, model: str) -> Choice:
    """Build the choice of the size at which `model` reads the picture."""
    return Choice(
        list_sizes(engine.sizes(model)),
        value="",
        label=label(words.SIZE),
        info=label(words.SIZE_MORE),
        filterable=False,
        elem_id="size",
    )


def build_picture(example: Example, *, uploads: bool) -> tuple[Upload, gr.HTML]:
    """Build the picture, `example` at first, and the line under it."""
    image = Upload(
        str(example.path),
        label=label("Picture"),
        show_label=False,
        sources=["upload", "clipboard", "webcam"],
        height=186,
        format="png",
        buttons=[],
        interactive=uploads,
        elem_id="picture",
        alt_text=label("The picture to analyse"),
    )
    return image, gr.HTML(words.write_example_note(example), padding=False, elem_id="note")


def build_sources(*, data_dir: Path | None, uploads: bool) -> tuple[gr.UploadButton, gr.Button]:
    """Build the buttons for several uploads and for a random test image, and a line about them."""
    with gr.Row(elem_id="sources"):
        several = gr.UploadButton(
            label("Upload several"),
            file_count="multiple",
            file_types=["image"],
            size="sm",
            visible=uploads,
            elem_id="several",
        )
        sample = gr.Button(
            label("Random test image"), size="sm", visible=has_samples(data_dir), elem_id="sample"
        )
        if not uploads:
            remark(words.NO_UPLOADS)
    if uploads:
        remark(words.SOURCES_WITH_SAMPLES if has_samples(data_dir) else words.SOURCES)
    return several, sample
