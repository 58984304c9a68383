"""What a choice in the left column changes there, and the events that do it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from vitdemo.engine import Expired
from vitdemo.engine.samples import random_sample
from vitdemo.examples import Example, recognise
from vitdemo.ui.kit.choice import Choice
from vitdemo.ui.kit.components import QUIET, list_networks, list_selectors, list_thumbnails
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.html import Html, note
from vitdemo.ui.kit.language import say, translate
from vitdemo.ui.kit.opening import list_examples
from vitdemo.ui.kit.received import choose_known
from vitdemo.ui.kit.session import Session
from vitdemo.ui.kit.sizes import list_sizes
from vitdemo.ui.kit.told import pick
from vitdemo.ui.kit.words import NO_IMAGE
from vitdemo.ui.sidebar import words
from vitdemo.ui.sidebar.another import add_to_menu, offer
from vitdemo.ui.sidebar.controls import Sidebar


def choose_example(side: Sidebar, example: Example, *, model: str) -> Values:
    """Return the left column with `example`, among those of `model`."""
    return {
        side.session.image: str(example.path),
        side.note: words.write_example_note(example),
        side.examples: list_thumbnails(list_examples(side.session.engine, model), example),
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


def follow_model(session: Session, values: Values) -> Example | None:
    """Return the example that takes the place of a shown one which the chosen model does not know.

    Return None where the picture may stay, as it may where nobody can tell yet what the model knows.
    """
    shown = recognise(values[session.image]) if values[session.image] else None
    offered = list_examples(session.engine, values[session.model])
    if shown is None or shown in offered or not session.engine.info(values[session.model]).words:
        return None
    return next((example for example in offered if example.word == shown.word), offered[0])


def offer_examples(side: Sidebar, values: Values) -> gr.Gallery:
    """Return the examples of the model, the shown one chosen."""
    image = values[side.session.image]
    offered = list_examples(side.session.engine, values[side.session.model])
    return list_thumbnails(offered, recognise(image) if image else None)


def choose_model(side: Sidebar, values: Values) -> Values:
    """Return what follows the model: summary, selectors, sizes and examples, and how many patches stay.

    The menu is told anew, since others may have had a network fetched meanwhile.
    """
    session, engine = side.session, side.session.engine
    model = values[session.model]
    info = engine.info(model)
    menu = list_networks(engine, values[session.added])
    best = choose_known(values[session.selector], info.selectors)
    sizes = engine.sizes(model)
    size = choose_known(values[session.size], sizes)
    return {
        session.model: gr.Dropdown(menu, info=translate(info.summary)),
        session.size: Choice(list_sizes(sizes), value=size),
        session.selector: Choice(list_selectors(info.selectors), value=best),
        side.examples: offer_examples(side, values),
        side.counts: count_tokens(side, values),
    }


def count_tokens(side: Sidebar, values: Values) -> dict[str, Any]:
    """Return what the line of tokens is filled with, for the model, the size and the ratio of `values`."""
    session, engine, model = side.session, side.session.engine, values[side.session.model]
    sizes = engine.sizes(model)
    size = sizes[choose_known(values[session.size], sizes)]
    with tell_errors():
        return words.fill_counts(engine.token_table(model, size.patches), values[session.ratio], size=size)


def set_model(side: Sidebar, values: Values) -> Values:
    """Return the model of `values`, which joins the visitor's menu, and what follows it."""
    session, model = side.session, values[side.session.model]
    added = add_to_menu(session, values, model)
    menu, info = list_networks(session.engine, added), translate(session.engine.info(model).summary)
    return {
        **choose_model(side, values),
        session.model: gr.Dropdown(menu, value=model, info=info),
        session.added: added,
    }


def refuse_model(side: Sidebar, values: Values) -> Values:
    """Return the left column as before a model was chosen that must be downloaded, which begins now."""
    session = side.session
    try:
        shown = session.engine.recall(values[session.key] or "").analysis.model
    except Expired:
        shown = session.engine.default_model
    return {
        session.model: shown,
        side.another.box: offer(session.engine, values[session.model], now=True),
    }


def follow_choice(side: Sidebar, values: Values) -> Values:
    """Return the left column for the model that is chosen; as before where it cannot be shown yet."""
    session, engine = side.session, side.session.engine
    model = values[session.model]
    if not engine.networks.is_known(model):  # it was dropped since: what answers says so
        return {session.model: gr.skip()}
    if not engine.networks.is_at_hand(model):
        return refuse_model(side, values)
    changed, names = choose_model(side, values), engine.info(model).selectors
    if values[session.selector] in names:  # it stays, or what the visitor has chosen in the meantime
        changed[session.selector] = Choice(list_selectors(names))
    sizes = engine.sizes(model)
    if choose_known(values[session.size], sizes) == values[session.size]:
        changed[session.size] = Choice(list_sizes(sizes))
    if example := follow_model(session, values):
        changed |= choose_example(side, example, model=model)
    return changed


def wire(side: Sidebar, *, data_dir: Path | None) -> None:
    """Connect what only fills the left column; a changed picture then starts the analysis by itself."""
    session, engine = side.session, side.session.engine

    def select_example(model: str, event: gr.SelectData) -> Values:
        return choose_example(side, pick(list_examples(engine, model), event.index), model=model)

    def select_upload(paths: list[str], event: gr.SelectData) -> Values:
        path, place = pick(paths, event.index), event.index
        line = say(words.YOURS_OF, number=place + 1, count=len(paths))
        return choose_other(side, path, words.write_own_note(line), upload=place)

    def show_uploads(files: list[str]) -> Values:
        first = pick(files, 0)
        strip = gr.Gallery(files, visible=True, selected_index=0)
        line = words.write_own_note(say(words.YOURS_OF, number=1, count=len(files)))
        return {**choose_other(side, first, line), side.strip: strip, side.paths: files}

    def draw_sample(model: str) -> Values:
        with tell_errors():
            sample = random_sample(data_dir, dataset=engine.info(model).dataset)
        line = say(words.SAMPLE, dataset=sample.dataset, index=sample.index, label=sample.label)
        return choose_other(side, sample.picture, note(line))

    def show_own(path: str | None) -> Values:
        line = words.write_own_note(say(words.YOURS)) if path else note(say(NO_IMAGE))
        return choose_other(side, gr.skip(), line)

    def change_model(values: Values) -> Values:
        return follow_choice(side, values)

    side.another.wire(session)
    shown = [session.image, side.note, side.examples, side.strip]
    side.examples.select(select_example, session.model, shown, **QUIET)
    side.strip.select(select_upload, side.paths, shown, **QUIET)
    side.uploads.upload(show_uploads, side.uploads, [side.paths, *shown], **QUIET)
    side.sample.click(draw_sample, session.model, shown, **QUIET)
    session.image.input(show_own, session.image, shown, **QUIET)
    session.model.input(
        change_model,
        session.inputs,
        [*shown, session.model, session.size, session.selector, side.counts, side.another.box],
        **QUIET,
    )
    session.size.input(
        lambda values: {side.counts: count_tokens(side, values)},
        set(side.settings.values()),
        [side.counts],
        **QUIET,
    )
    session.ratio.input(None, [session.ratio, side.counts], side.counts, js=words.COUNTED, **QUIET)
