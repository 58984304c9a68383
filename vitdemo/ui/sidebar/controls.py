"""The left column: the picture, where it may come from, and what to run on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from vitdemo.engine import DEFAULT_MODEL, MAX_PRUNING_RATIO, Engine
from vitdemo.engine.samples import has_samples, random_sample
from vitdemo.examples import CLASSES, example_paths
from vitdemo.ui.kit.choice import Choice
from vitdemo.ui.kit.components import QUIET, gallery, list_selectors, remark
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.html import Html, note
from vitdemo.ui.kit.language import label, say, translate
from vitdemo.ui.kit.pictures import Upload
from vitdemo.ui.kit.session import FIRST_EXAMPLE, FIRST_RATIO, First, Session, choose_selector
from vitdemo.ui.kit.words import NO_IMAGE
from vitdemo.ui.sidebar import words


@dataclass(frozen=True)
class Sidebar:
    """The left column: what the page shares with its tabs, and what is the column's own. `note`: the line
    under the picture; `strip`, `paths`: several uploads; `counts`: how many patches stay."""

    session: Session
    note: gr.HTML
    examples: gr.Gallery
    uploads: gr.UploadButton
    strip: gr.Gallery
    paths: gr.State
    sample: gr.Button
    counts: gr.HTML

    @property
    def settings(self) -> dict[str, Any]:
        """What runs on the picture, by the names that links use."""
        session = self.session
        return {"model": session.model, "ratio": session.ratio, "selector": session.selector}


def build(engine: Engine, *, first: First | None, data_dir: Path | None, uploads: bool) -> Sidebar:
    """Build the column, showing the first example and the default model, with ways to upload or without."""
    info = engine.info(DEFAULT_MODEL)
    image, parts = pictures(FIRST_EXAMPLE, data_dir=data_dir, uploads=uploads)
    model = gr.Dropdown(
        engine.menu(),
        value=DEFAULT_MODEL,
        label=label("Model"),
        info=label(info.summary),
        filterable=False,
        elem_id="model",
    )
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
        words.counts(engine.token_counts(DEFAULT_MODEL, FIRST_RATIO / 100)), padding=False, elem_id="counts"
    )
    selector = Choice(
        list_selectors(info.selectors),
        value=info.selectors[0],
        label=label("Selector: what decides which patches stay"),
        filterable=False,
        elem_id="selector",
    )
    session = Session(engine, first, image=image, model=model, ratio=ratio, selector=selector)
    return Sidebar(session, **parts, counts=counts)


def pictures(name: str, *, data_dir: Path | None, uploads: bool) -> tuple[Upload, dict[str, Any]]:
    """Build the picture, example `name` at first, and the ways to choose one, by their names in `Sidebar`."""
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
    shown = gr.HTML(words.example_note(name), padding=False, elem_id="note")
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
            remark(words.NO_UPLOADS)
    if uploads:
        remark(words.SOURCES_WITH_SAMPLES if has_samples(data_dir) else words.SOURCES)
    return image, {
        "note": shown,
        "examples": examples,
        "uploads": several,
        "strip": strip,
        "paths": gr.State([]),
        "sample": sample,
    }


def choose_example(side: Sidebar, name: str) -> Values:
    """The left column with example `name`."""
    return {
        side.session.image: str(example_paths()[name]),
        side.note: words.example_note(name),
        side.examples: gr.Gallery(selected_index=CLASSES.index(name)),
        side.strip: gr.Gallery(selected_index=None),
    }


def choose_other(side: Sidebar, picture: Any, line: Html, *, upload: int | None = None) -> Values:
    """Return the left column with a picture that is no example, its note, and the thumbnail it came from."""
    return {
        side.session.image: picture,
        side.note: line,
        side.examples: gr.Gallery(selected_index=None),
        side.strip: gr.Gallery(selected_index=upload),
    }


def choose_model(side: Sidebar, values: Values) -> Values:
    """Return what follows the model: its summary, its selectors, and how many patches stay."""
    session, engine = side.session, side.session.engine
    model = values[session.model]
    info = engine.info(model)
    best = choose_selector(values[session.selector], info.selectors)
    with tell_errors():
        counts = words.counts(engine.token_counts(model, values[session.ratio] / 100))
    return {
        session.model: gr.Dropdown(info=translate(info.summary)),
        session.selector: Choice(list_selectors(info.selectors), value=best),
        side.counts: counts,
    }


def wire(side: Sidebar, *, data_dir: Path | None) -> None:
    """Events that only fill the left column; a changed picture then starts the analysis by itself."""
    session, engine = side.session, side.session.engine

    def select_example(event: gr.SelectData) -> Values:
        return choose_example(side, CLASSES[event.index])

    def select_upload(paths: list[str], event: gr.SelectData) -> Values:
        line = say(words.YOURS_OF, number=event.index + 1, count=len(paths))
        return choose_other(side, paths[event.index], words.own_note(line), upload=event.index)

    def several(files: list[str]) -> Values:
        strip = gr.Gallery(files, visible=True, selected_index=0)
        line = say(words.YOURS_OF, number=1, count=len(files))
        return {**choose_other(side, files[0], words.own_note(line)), side.strip: strip, side.paths: files}

    def random_picture(model: str) -> Values:
        with tell_errors():
            sample = random_sample(data_dir, dataset=engine.info(model).dataset)
        line = say(words.SAMPLE, dataset=sample.dataset, index=sample.index, label=sample.label)
        return choose_other(side, sample.picture, note(line))

    def own_picture(path: str | None) -> Values:
        line = words.own_note(say(words.YOURS)) if path else note(say(NO_IMAGE))
        return choose_other(side, gr.skip(), line)

    def model_changed(values: Values) -> Values:
        changed, names = choose_model(side, values), engine.info(values[session.model]).selectors
        if values[session.selector] in names:  # it stays, or what the visitor has chosen in the meantime
            changed[session.selector] = Choice(list_selectors(names))
        return changed

    def token_line(model: str, ratio: float) -> str:
        with tell_errors():
            return words.counts(engine.token_counts(model, ratio / 100))

    shown = [session.image, side.note, side.examples, side.strip]
    side.examples.select(select_example, None, shown, **QUIET)
    side.strip.select(select_upload, side.paths, shown, **QUIET)
    side.uploads.upload(several, side.uploads, [side.paths, *shown], **QUIET)
    side.sample.click(random_picture, session.model, shown, **QUIET)
    session.image.input(own_picture, session.image, shown, **QUIET)
    session.model.input(
        model_changed,
        {session.model, session.selector, session.ratio},
        [session.model, session.selector, side.counts],
        **QUIET,
    )
    session.ratio.input(
        token_line, [session.model, session.ratio], side.counts, trigger_mode="always_last", **QUIET
    )
