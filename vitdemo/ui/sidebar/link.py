"""A link in plain query parameters that brings back what is shown, and the button that copies it.

The browser writes the address (`link.js`); here it is read when a page is opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from vitdemo.engine import DEFAULT_MODEL, MAX_PRUNING_RATIO, Engine
from vitdemo.examples import example_paths
from vitdemo.ui.kit.assets import module
from vitdemo.ui.kit.components import QUIET
from vitdemo.ui.kit.html import escaped
from vitdemo.ui.kit.language import both, language, say, translate
from vitdemo.ui.kit.session import Left, Values, fitting
from vitdemo.ui.sidebar.controls import FIRST_EXAMPLE, example_chosen, model_chosen

LEFT_COLUMN = """(note, model, ratio, selector) => {
  const example = note?.match(/data-example="([^"]*)"/)?.[1];  // a visitor's own picture has none
  return JSON.stringify({ example, model, ratio, selector });
}"""
WORDS = {
    "copy": "Copy link",
    "explain": "An address that brings back all that is shown, in any browser",
    "copied": "Copied",
    "forbidden": "The browser forbids copying: take the link from the address bar.",
    "no_picture": "Your picture is not part of the link.",
}
UNKNOWN = "The link's {name}={value} was left out: this page has no such {name}."
LONGEST = 40  # characters of a wrong value that are repeated to the visitor


@dataclass(frozen=True)
class Link:
    """What a link brings back. `button`: the component that keeps the address and copies it; its value is the
    left column's, and its event `ask` says that the page waits for a result; `tabs`: name -> tab."""

    button: gr.HTML
    tabs: Mapping[str, gr.Tab]

    def outputs(self, left: Left) -> list[Any]:
        """What `updates` may name: the left column, the picture apart, and the button."""
        lines = [left.note, left.examples, left.strip, left.counts, left.active]
        return [*lines, *column(left).values(), self.button]

    def asked(
        self, engine: Engine, left: Left, values: Values, request: gr.Request
    ) -> tuple[Values, dict[str, Any]]:
        """(the left column as the address of a page that opens wants it, the picture among it; all that was
        found in the address). Warns of what makes no sense there."""
        found, wrong = read(engine, request.query_params, tabs=self.tabs)
        for name in wrong:
            value = escaped(request.query_params[name][:LONGEST])
            gr.Warning(say(UNKNOWN, name=name, value=value))
        return wanted(engine, left, values, found), found

    def updates(
        self, engine: Engine, left: Left, found: dict[str, Any], values: Values, *, pending: bool
    ) -> Values:
        """What `found` says of the page, and the left column with `values` unless the page `brought` it.
        `pending`: the result is not there yet, and the page is to ask for it."""
        tab = found.get("tab", "")
        look = {name: found[name] for name in explorer_table(engine, values[left.model]) if name in found}
        state = {"opened": True, "pending": pending, "tab": tab, "look": look}
        updates: Values = {left.active: self.tabs[tab].elem_id} if tab else {}
        if not brought(found):
            example = found.get("example", FIRST_EXAMPLE)
            updates |= chosen(engine, left, example, values)
            state["value"] = shown(left, example, values)
        return {**updates, self.button: gr.HTML(**state)}


def brought(found: dict[str, Any]) -> bool:
    """Whether a page comes with all that its visitor wants to see: its address asks for nothing, and he reads
    English. The server's first answer leaves it alone then, and with it what he has done meanwhile."""
    return not found and language() == "en"


def chosen(engine: Engine, left: Left, example: str, values: Values) -> Values:
    """The left column with `values` and what follows of them, the picture apart."""
    model = values[left.model]
    info = translate(engine.info(model).summary)
    updates = {**model_chosen(engine, left, values), **example_chosen(left, example)}
    del updates[left.image]
    return {**updates, left.model: gr.Dropdown(value=model, info=info), left.ratio: values[left.ratio]}


def shown(left: Left, example: str, values: Values) -> str:
    """The left column with `values`, as `LEFT_COLUMN` writes it in the browser."""
    return json.dumps({"example": example, **{name: values[part] for name, part in column(left).items()}})


def wanted(engine: Engine, left: Left, values: Values, found: dict[str, Any]) -> Values:
    """`values` of the left column, the picture among them, with what was `found` in the address."""
    values = {**values, **{part: found[name] for name, part in column(left).items() if name in found}}
    if found.get("example", FIRST_EXAMPLE) != FIRST_EXAMPLE:  # which is there already
        values[left.image] = str(example_paths()[found["example"]])
    best = fitting(values[left.selector], engine.info(values[left.model]).selectors)
    return {**values, left.selector: best}


def button(left: Left) -> gr.HTML:
    """The button, which also writes the address whenever the left column changes, all in the browser."""
    first = shown(left, FIRST_EXAMPLE, {part: part.value for part in column(left).values()})
    state = {"value": first, "opened": False, "pending": False, "tab": "", "look": {}}
    copy = module("sidebar/link", event="ask", elem_id="link", words=both(WORDS), **state)
    inputs = [left.note, *column(left).values()]
    gr.on([part.change for part in inputs], None, inputs, copy, js=LEFT_COLUMN, **QUIET)
    return copy


def named(tabs: gr.Tabs) -> dict[str, gr.Tab]:
    """The tabs by the names that links use."""
    found = [tab for tab in tabs.children if isinstance(tab, gr.Tab)]
    return {str(tab.elem_id).removeprefix("tab-"): tab for tab in found}


def column(left: Left) -> dict[str, Any]:
    """Parameter -> component of the left column."""
    return {"model": left.model, "ratio": left.ratio, "selector": left.selector}


def read(
    engine: Engine, parameters: Mapping[str, str], *, tabs: Iterable[str]
) -> tuple[dict[str, Any], list[str]]:
    """(what the link asks for, by parameter; the parameters whose values make no sense on this page).

    Parameters that are not the link's are passed over.
    """
    models = [key for _, key in engine.menu()]
    wanted = parameters.get("model", DEFAULT_MODEL)
    model = wanted if wanted in models else DEFAULT_MODEL
    percents = range(0, round(100 * MAX_PRUNING_RATIO) + 1, 5)
    table: dict[str, dict[str, Any]] = {
        "example": same(example_paths()),
        "model": same(models),
        "ratio": numbers(percents),
        "selector": same(engine.info(model).selectors),
        "tab": same(tabs),
        **explorer_table(engine, model),
    }
    asked = {name: parameters[name] for name in table if name in parameters}
    found = {name: table[name][text] for name, text in asked.items() if text in table[name]}
    return found, [name for name in asked if name not in found]


def explorer_table(engine: Engine, model: str) -> dict[str, dict[str, Any]]:
    """Parameter of the explorer -> text -> value; `link.js` makes a state of them."""
    info = engine.info(model)
    return {
        "method": same(method.key for method in engine.methods()),
        "layer": numbers(range(info.layers)),
        "head": {"all": "all", **numbers(range(info.heads))},
        "direction": same(("out", "in")),
        "pass": same(("pruned", "dense")),
        "patch": numbers(range(info.num_patches)),
        "fusion": same(("mean", "max", "min")),
        "discard": numbers(range(0, 100, 5)),
    }


def same(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


def numbers(known: Iterable[int]) -> dict[str, int]:
    return {str(number): number for number in known}
