"""The inputs of the page's events, and what may be put into them."""

from __future__ import annotations

from typing import Any

from tests.serving.visitor import Call, Visitor

Slot = tuple[int, int, str]  # an input that a client fills: its event, place and kind


def list_slots(visitor: Visitor, *, sparse: bool = False) -> list[Slot]:
    """Return every input that a client fills; or of each kind that an event has the last, if `sparse`."""
    found: list[Slot] = []
    for number, event in visitor.events.items():
        kinds = [visitor.components[part]["type"] for part in event["inputs"]]
        found += [(number, place, kind) for place, kind in enumerate(kinds) if kind != "state"]
    of_kind = {(event, kind): (event, place, kind) for event, place, kind in found}
    return list(of_kind.values()) if sparse else found


def walk_events(slots: list[Slot], values: list[Any]) -> list[tuple[int, int, str, Any]]:
    """(event, place, kind, value): each event that takes anything is handed each value, place after place."""
    found = []
    for event in sorted({slot[0] for slot in slots}):
        places = [slot for slot in slots if slot[0] == event]
        found += [(*places[index % len(places)], value) for index, value in enumerate(values)]
    return found


def put_value(visitor: Visitor, event: int, place: int, value: Any) -> Call:
    data = visitor.list_inputs(event)
    data[place] = value
    return Call(event, data)
