"""The left column: the picture, where it may come from, and what to run on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from vitdemo.engine import DEFAULT_MODEL, MAX_PRUNING_RATIO, Engine
from vitdemo.engine.samples import has_samples, random_sample
from vitdemo.examples import CLASSES, example_paths
from vitdemo.ui.kit import html as text
from vitdemo.ui.kit.choice import Choice
from vitdemo.ui.kit.components import QUIET, gallery, remark
from vitdemo.ui.kit.language import label, say, translate
from vitdemo.ui.kit.pictures import Upload
from vitdemo.ui.kit.session import Left, Values, fitting, told

FIRST_EXAMPLE, FIRST_RATIO = CLASSES[0], 30  # what a page shows when it opens; percent


def left_column(engine: Engine, *, data_dir: Path | None, uploads: bool) -> Left:
    """The components, showing the first example and the default model; with ways to upload, or without."""
    info = engine.info(DEFAULT_MODEL)
    return Left(
        **pictures(FIRST_EXAMPLE, data_dir=data_dir, uploads=uploads),
        model=gr.Dropdown(
            engine.menu(),
            value=DEFAULT_MODEL,
            label=label("Model"),
            info=label(info.summary),
            filterable=False,
            elem_id="model",
        ),
        ratio=gr.Slider(
            0,
            100 * MAX_PRUNING_RATIO,
            FIRST_RATIO,
            step=5,
            label=label("Pruning ratio (%)"),
            info=label("The share of patches that each stage drops."),
            buttons=[],
            elem_id="ratio",
        ),
        counts=gr.HTML(
            text.counts(engine.token_counts(DEFAULT_MODEL, FIRST_RATIO / 100)),
            padding=False,
            elem_id="counts",
        ),
        selector=Choice(
            named(info.selectors),
            value=info.selectors[0],
            label=label("Selector: what decides which patches stay"),
            filterable=False,
            elem_id="selector",
        ),
        key=gr.State(None),
        active=gr.State("tab-prediction"),
    )


def pictures(name: str, *, data_dir: Path | None, uploads: bool) -> dict[str, Any]:
    """The picture, example `name` at first, and the ways to choose one."""
    image = Upload(
        str(example_paths()[name]),
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
    shown = gr.HTML(example_note(name), padding=False, elem_id="note")
    strip = gallery([], columns=5, visible=False, allow_preview=False, elem_id="strip")
    examples = gallery(
        [(str(file), name) for name, file in example_paths().items()],
        columns=5,
        allow_preview=False,
        selected_index=0,
        elem_id="examples",
    )
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
            remark(text.NO_UPLOADS)
    if uploads:
        remark(text.SOURCES_WITH_SAMPLES if has_samples(data_dir) else text.SOURCES)
    return {
        "image": image,
        "note": shown,
        "examples": examples,
        "uploads": several,
        "strip": strip,
        "paths": gr.State([]),
        "sample": sample,
    }


def named(selectors: tuple[str, ...]) -> list[tuple[Any, str]]:
    return [(label(text.SELECTORS.get(name, name)), name) for name in selectors]


def example_note(name: str) -> str:
    return text.note(say(text.EXAMPLE, name=name), example=name)


def example_chosen(left: Left, name: str) -> Values:
    """The left column with example `name`."""
    return {
        left.image: str(example_paths()[name]),
        left.note: example_note(name),
        left.examples: gr.Gallery(selected_index=CLASSES.index(name)),
        left.strip: gr.Gallery(selected_index=None),
    }


def model_chosen(engine: Engine, left: Left, values: Values) -> Values:
    """What follows the model: its summary, its selectors, and how many patches stay."""
    model = values[left.model]
    info = engine.info(model)
    best = fitting(values[left.selector], info.selectors)
    with told():
        counts = text.counts(engine.token_counts(model, values[left.ratio] / 100))
    return {
        left.model: gr.Dropdown(info=translate(info.summary)),
        left.selector: Choice(named(info.selectors), value=best),
        left.counts: counts,
    }


def wire_left(engine: Engine, left: Left, *, data_dir: Path | None) -> None:
    """Events that only fill the left column; a changed picture then starts the analysis by itself."""

    def chosen(picture: Any, words: str, *, upload: int | None = None) -> Values:
        """The visitor's picture, its note, and the one thumbnail that it came from."""
        return {
            left.image: picture,
            left.note: text.note(words),
            left.examples: gr.Gallery(selected_index=None),
            left.strip: gr.Gallery(selected_index=upload),
        }

    def choose_example(event: gr.SelectData) -> Values:
        return example_chosen(left, CLASSES[event.index])

    def choose_upload(paths: list[str], event: gr.SelectData) -> Values:
        words = say(text.YOURS_OF, number=event.index + 1, count=len(paths))
        return chosen(paths[event.index], words, upload=event.index)

    def several(files: list[str]) -> Values:
        strip = gr.Gallery(files, visible=True, selected_index=0)
        words = say(text.YOURS_OF, number=1, count=len(files))
        return {**chosen(files[0], words), left.strip: strip, left.paths: files}

    def random_picture(model: str) -> Values:
        with told():
            sample = random_sample(data_dir, dataset=engine.info(model).dataset)
        words = say(text.SAMPLE, dataset=sample.dataset, index=sample.index, label=sample.label)
        return chosen(sample.picture, words)

    def own_picture(path: str | None) -> Values:
        return chosen(gr.skip(), say(text.YOURS if path else text.NO_IMAGE))

    def model_changed(values: Values) -> Values:
        changed, names = model_chosen(engine, left, values), engine.info(values[left.model]).selectors
        if values[left.selector] in names:  # it stays, or what the visitor has chosen in the meantime
            changed[left.selector] = Choice(named(names))
        return changed

    def token_line(model: str, ratio: float) -> str:
        with told():
            return text.counts(engine.token_counts(model, ratio / 100))

    shown = [left.image, left.note, left.examples, left.strip]
    left.examples.select(choose_example, None, shown, **QUIET)
    left.strip.select(choose_upload, left.paths, shown, **QUIET)
    left.uploads.upload(several, left.uploads, [left.paths, *shown], **QUIET)
    left.sample.click(random_picture, left.model, shown, **QUIET)
    left.image.input(own_picture, left.image, shown, **QUIET)
    left.model.input(
        model_changed,
        {left.model, left.selector, left.ratio},
        [left.model, left.selector, left.counts],
        **QUIET,
    )
    left.ratio.input(token_line, [left.model, left.ratio], left.counts, trigger_mode="always_last", **QUIET)
