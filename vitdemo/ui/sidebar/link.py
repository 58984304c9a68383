"""A link in plain query parameters that brings back what is shown, and the button that copies it.

The browser writes the address (`link.js`); here it is read when a page is opened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import gradio as gr

from vitdemo.examples import EXAMPLES, Example
from vitdemo.ui.kit.assets import build_module
from vitdemo.ui.kit.components import QUIET, list_networks
from vitdemo.ui.kit.followers import Values
from vitdemo.ui.kit.language import find_language, say_both
from vitdemo.ui.kit.opening import list_examples
from vitdemo.ui.kit.received import choose_known
from vitdemo.ui.kit.session import Session
from vitdemo.ui.sidebar.address import OF_ANY_NETWORK, read_parameters, set_another, warn_of
from vitdemo.ui.sidebar.another import update
from vitdemo.ui.sidebar.choices import choose_example, offer_examples, set_model
from vitdemo.ui.sidebar.controls import Sidebar

LEFT_COLUMN = """(note, model, size, ratio, selector, reduction) => {
  const example = note?.match(/data-example="([^"]*)"/)?.[1];  // a visitor's own picture has none
  return JSON.stringify({ example, model, size: size || undefined, ratio, selector, reduction });
}"""
WORDS = {
    "copy": "Copy link",
    "explain": "An address that brings back all that is shown, in any browser",
    "copied": "Copied",
    "forbidden": "The browser forbids copying: take the link from the address bar.",
    "no_picture": "Your picture is not part of the link.",
}


@dataclass(frozen=True)
class Link:
    """What a link brings back.

    `button`: the component that keeps the address and copies it. Its value is the left column's, and its
    event `ask` says that the page waits for a result. `tabs`: name -> tab.
    """

    side: Sidebar
    button: gr.HTML
    tabs: Mapping[str, gr.Tab]

    @property
    def outputs(self) -> list[Any]:
        """What `updates` may name: the left column, the picture apart, and the button."""
        side = self.side
        lines = [side.note, side.examples, side.strip, side.counts, side.another.box]
        return [*lines, *side.settings.values(), side.session.added, self.button]

    def read_address(self, values: Values, request: gr.Request) -> tuple[Values, dict[str, Any]]:
        """Return the left column as the address of a page that opens wants it, and all that was found there.

        The picture is among the values of the left column. Warn of what makes no sense in the address.
        """
        found, wrong = read_parameters(self.side.session.engine, request.query_params, tabs=self.tabs)
        found, wrong = set_another(self.side.session.engine, found, wrong, request.query_params)
        warn_of(wrong, request.query_params)
        return merge_found(self.side, values, found), found

    def make_updates(self, found: dict[str, Any], values: Values, *, pending: bool) -> Values:
        """Return what `found` says of the page, and the left column with `values`.

        The left column is left out where the page is complete without it. `pending`: the result is not
        there yet, and the page is to ask for it.
        """
        tab = found.get("tab", "")
        state = {"opened": True, "pending": pending, "tab": tab, "look": found.get("look", {})}
        if is_complete(found):
            return {**self.renew_menu(), self.button: gr.HTML(**state)}
        example = find_example(self.side.session, found, values)
        value = write_column(self.side, example, values)
        updates = {**fill_column(self.side, example, values), self.button: gr.HTML(**state, value=value)}
        if "another" in found:
            updates[self.side.another.box] = update(look=found["another"], search=found["search"])
        return updates

    def follow_later(self, values: Values, search: str, model: str) -> tuple[Values, Values]:
        """Return the left column as a link, `search`, asks of `model`, which had to be fetched, and its look.

        Warn of what makes no sense for it.
        """
        session, parameters = self.side.session, {**dict(parse_qsl(search)), "model": model}
        found, wrong = read_parameters(session.engine, parameters, tabs=self.tabs)
        warn_of([name for name in wrong if name not in OF_ANY_NETWORK], parameters)
        chosen = {part: found[name] for name, part in self.side.settings.items() if name in found}
        now = {part: chosen[part] for part in (session.size, session.selector) if part in chosen}
        look = {self.button: gr.HTML(later=found["look"])} if "look" in found else {}
        return {**values, **now, session.model: model}, look

    def renew_menu(self) -> Values:
        """Return the menu where something has been fetched since the page was built."""
        model = self.side.session.model
        menu = list_networks(self.side.session.engine)
        return {} if menu == list(model.choices) else {model: gr.Dropdown(menu)}

    def go_back(self, values: Values, search: str, turn: int) -> tuple[Values, Values]:
        """Return the left column as a former address of this page asks for it, and what fills the page so.

        The picture is among the values of the left column. A visitor's own is in no address: the browser
        puts it back.
        """
        session, parameters = self.side.session, dict(parse_qsl(search))
        found, wrong = read_parameters(session.engine, parameters, tabs=self.tabs)
        found, _ = set_another(session.engine, found, wrong, parameters)
        asked = merge_found(self.side, values, found)
        example = find_example(session, found, asked)
        updates = fill_column(self.side, example, asked)
        if "example" in found:
            asked[session.image] = str(example.path)
        else:
            asked[session.image] = values[session.image]
            del updates[self.side.note], updates[self.side.strip]
            updates |= {self.side.examples: offer_examples(self.side, asked)}
        # With the turn comes what the left column then says: the browser itself is a moment late.
        value = write_column(self.side, example if "example" in found else None, asked)
        return asked, {**updates, self.button: gr.HTML(returns=turn, value=value)}


def is_complete(found: dict[str, Any]) -> bool:
    """Return whether a page has from the start all that its visitor wants to see.

    It has where its address asks for nothing and they read English. The server's first answer then leaves the
    page alone, and with it what they have done meanwhile.
    """
    return not found and find_language() == "en"


def find_example(session: Session, found: dict[str, Any], values: Values) -> Example:
    """Return the example that was `found`, else the first of the model."""
    name = found.get("example")
    return EXAMPLES[name] if name else list_examples(session.engine, values[session.model])[0]


def fill_column(side: Sidebar, example: Example, values: Values) -> Values:
    """Return the left column with `values` and what follows of them, the picture apart."""
    session = side.session
    model = values[session.model]
    updates = {**set_model(side, values), **choose_example(side, example, model=model)}
    del updates[session.image]
    return {**updates, **{one: values[one] for one in (session.ratio, session.reduction)}}


def write_column(side: Sidebar, example: Example | None, values: Values) -> str:
    """Return the left column with `values`, as `LEFT_COLUMN` writes it in the browser."""
    shown = {"example": example.name} if example else {}
    settings = {name: values[part] for name, part in side.settings.items()}
    return json.dumps({name: value for name, value in {**shown, **settings}.items() if value != ""})


def merge_found(side: Sidebar, values: Values, found: dict[str, Any]) -> Values:
    """Return `values` of the left column, the picture among them, with what was `found` in the address."""
    session = side.session
    values = {**values, **{part: found[name] for name, part in side.settings.items() if name in found}}
    example = find_example(session, found, values)
    if example != find_first_example(session):  # which is there already
        values[session.image] = str(example.path)
    engine, model = session.engine, values[session.model]
    best = choose_known(values[session.selector], engine.info(model).selectors)
    return {
        **values,
        session.selector: best,
        session.size: choose_known(values[session.size], engine.sizes(model)),
    }


def find_first_example(session: Session) -> Example:
    """Return the example that every page opens with."""
    return list_examples(session.engine, session.engine.default_model)[0]


def build_button(side: Sidebar) -> gr.HTML:
    """Build the button. It also writes the address whenever the left column changes, all in the browser."""
    first = write_column(
        side, find_first_example(side.session), {part: part.value for part in side.settings.values()}
    )
    state = {
        "value": first,
        "opened": False,
        "pending": False,
        "tab": "",
        "look": {},
        "later": {},
        "returns": 0,
    }
    copy = build_module("sidebar/link", event="ask", elem_id="link", words=say_both(WORDS), **state)
    inputs = [side.note, *side.settings.values()]
    gr.on([part.change for part in inputs], None, inputs, copy, js=LEFT_COLUMN, **QUIET)
    return copy


def name_tabs(tabs: gr.Tabs) -> dict[str, gr.Tab]:
    """Return the tabs by the names that links use."""
    found = [tab for tab in tabs.children if isinstance(tab, gr.Tab)]
    return {str(tab.elem_id).removeprefix("tab-"): tab for tab in found}
