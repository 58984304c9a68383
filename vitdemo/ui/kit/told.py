"""What the browser tells of an event: a stranger may have written it, so that each value is checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import gradio as gr

from vitdemo.ui.kit.choice import Choice
from vitdemo.ui.kit.errors import make_mistaken

T = TypeVar("T")
# What the components that the page reads give to a handler; of the others gradio itself makes sure.
KINDS: dict[type[Any], tuple[type[Any], ...]] = {
    gr.Slider: (int, float),
    gr.Dropdown: (str,),
    gr.Radio: (str, int),
    gr.UploadButton: (str, list),
}


class Told(dict[str, Any]):
    """What the browser says of an event. Raise `gr.Error` for what it should have said and did not."""

    def __missing__(self, key: str) -> Any:
        raise make_mistaken()


def take(event: gr.EventData, key: str, kind: type[T]) -> T:
    """Return what the browser says under `key`. Raise gr.Error where it is of another kind."""
    return check(event._data[key], kind)


def take_all(event: gr.EventData, key: str, kind: type[T]) -> list[T]:
    """Return a list of things of one kind. Raise gr.Error where it is something else."""
    return [check(part, kind) for part in take(event, key, list)]


def pick(items: Sequence[T] | None, place: Any) -> T:
    """Return the one of `items` at a place that the browser tells. Raise gr.Error where there is none."""
    place = check(place, int)
    if not items or not 0 <= place < len(items):
        raise make_mistaken()
    return items[place]


def check(value: Any, *kinds: type[T]) -> T:
    """Return `value`. Raise gr.Error where it is of none of these `kinds`; a truth is no number."""
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise make_mistaken()
    return value


def check_input(component: Any, value: Any) -> None:
    """Raise gr.Error where a component of the page has a value of a kind that it never has."""
    if value is None and is_empty(component):
        return
    for kind, allowed in KINDS.items():
        if isinstance(component, kind):
            check(value, *allowed)


def is_empty(component: Any) -> bool:
    """Return whether a component may be without a value: one that follows another, or that begins so."""
    return isinstance(component, Choice) or (isinstance(component, gr.Radio) and component.value is None)
