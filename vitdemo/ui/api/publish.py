"""From a function to an endpoint: its name, its docstring and its parameters are all that there is to say."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from reprlib import repr as shortened
from typing import Any

import gradio as gr

from vitdemo.engine import ATTENTION_METHODS, CLASS_METHODS, REDUCTIONS, SELECTORS
from vitdemo.ui.kit.errors import tell_errors
from vitdemo.ui.kit.pictures import Upload
from vitdemo.ui.kit.received import is_sound
from vitdemo.ui.kit.visit import HEAVY, LIGHT

PICTURE = "image"  # the parameter that is a file


def publish(function: Callable[..., dict[str, Any]]) -> None:
    """Make `function` the endpoint, and the MCP tool, of its name. Call this inside the page.

    A parameter called `image` is the path of a picture; any other is text or a number, as its default says;
    with a default of None it is a whole number or nothing. Errors become one plain sentence. Its docstring,
    with the {gaps} of `collect_gaps` filled, is the documentation.
    """
    names = inspect.signature(function).parameters
    parameters = names.values()

    @wraps(function)
    def answer(*values: Any) -> dict[str, Any]:
        with tell_errors(html=False):
            return function(*map(check, parameters, values))

    description = answer.__doc__ = (inspect.getdoc(function) or "").format(**collect_gaps())
    with gr.Row(visible=False):
        inputs = [build_component(parameter) for parameter in parameters]
        result, button = gr.JSON(label="Result"), gr.Button(function.__name__)
    button.click(
        answer,
        inputs,
        result,
        api_name=function.__name__,
        api_description=description,  # all of it; gradio alone would take the first line
        **(HEAVY if PICTURE in names else LIGHT),
    )


def collect_gaps() -> dict[str, str]:
    """Return what fills the gaps of docstrings: the keys of the records, and the methods with an option."""
    found = {
        "selectors": join_names(SELECTORS, "or"),
        "reductions": join_names(REDUCTIONS, "or"),
        "attention_methods": join_names(ATTENTION_METHODS, "or"),
        "class_methods": join_names(CLASS_METHODS, "or"),
    }
    for option in ("layer", "head", "discard_ratio"):
        having = [
            key for key, method in ATTENTION_METHODS.items() if option in (one.key for one in method.options)
        ]
        found[f"with_{option}"] = join_names(having, "and")
    return found


def join_names(names: Iterable[str], word: str) -> str:
    """Return the names as "a, b or c", with `word` before the last."""
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last


def build_component(parameter: inspect.Parameter) -> gr.components.Component:
    """Build the component that gives the endpoint its parameter's type and default."""
    words = parameter.name.replace("_", " ").capitalize()
    if parameter.name == PICTURE:
        return Upload(label=words)
    if isinstance(parameter.default, str):
        return gr.Textbox(parameter.default, label=words)
    return gr.Number(parameter.default, label=words)


def check(parameter: inspect.Parameter, value: Any) -> Any:
    """Return `value`, a whole number as int. Raise ValueError when it is not of the type of the default."""
    name, default = parameter.name, parameter.default
    if name == PICTURE:
        if not value:
            raise ValueError(f"{name} is missing: give the file of a picture")
        return value
    if isinstance(default, str):
        if not isinstance(value, str):
            raise ValueError(f"{name} must be text, got {shortened(value)}")
        return value
    if default is None and value is None:
        return None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError(f"{name} must be a number, got {shortened(value)}")
    if not is_sound(value):
        raise ValueError(f"{name} must be a finite number of at most 16 digits")
    if isinstance(default, float):
        return float(value)
    if int(value) != value:
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    return int(value)
