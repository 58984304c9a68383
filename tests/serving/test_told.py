"""What a browser tells of an event, and values of components: odd kinds are refused, whatever reads them."""

from __future__ import annotations

import inspect
import itertools
import math
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from tests.api.test_endpoints import PARAMETERS
from tests.browser.server import serve_page
from tests.serving.slots import list_slots, put_value
from tests.serving.test_foreign_files import find_sentence
from tests.serving.visitor import BATCH, Call, Visitor
from vitdemo.engine import Engine
from vitdemo.limits import Limits
from vitdemo.message import LONGEST
from vitdemo.ui.kit.choice import Choice
from vitdemo.ui.kit.received import find_paths, is_sound
from vitdemo.ui.kit.words import CRASHED, MISTAKEN

LAYER = {"pass": "dense", "layer": 0, "id": "KEY", "turn": 1}
# What each event that is told anything reads of it, as a page would tell it; "KEY": of the shown result.
TOLD: dict[str, dict[str, Any]] = {
    "collect": {"turn": 1, "kind": "json", "look": None},
    "ahead": {"selector": "", "reduction": "", "picture": "none"},
    "fewest": {"picture": "none"},
    "choose": {"value": "cat"},
    **dict.fromkeys(("send_layer", "send_layer_1", "send_layer_2"), LAYER),
    "keep": {"id": "KEY"},
    "operate": {"key": "KEY", "keep": [], "drop": []},
    "choose_1": {"index": [3, 3]},
    "choose_4": {"index": 0},
    "look_up": {"name": "vit_cifar10"},
    "fetch": {"key": "vit_cifar10"},
    "select_example": {"index": 0},
    "select_upload": {"index": 0},
    "answer_page": {"search": "", "turn": 1},
    "show": {"key": "vit_cifar10", "search": ""},
}
UNTOLD = {"answer", "restore"}  # the one reads nothing of it; the other tells of a file that was not uploaded
ODD: tuple[Any, ...] = ({}, "a\nb", [None], [[]], {"a": 1}, 1.5, True, None)
OPTIONAL = {"look": (dict, type(None))}
NOTHING = {"index": 0, "value": None}  # what gradio itself wants to be told of a choice


@pytest.fixture(scope="module")
def url(engine: Engine, pages: list[gr.Blocks]) -> Iterator[str]:
    """A page whose queue takes a whole batch of one visitor."""
    with serve_page(engine, limits=Limits(client_requests=BATCH)) as address:
        yield address


def find_key(page: gr.Blocks, visitor: Visitor) -> str:
    """Return the key of the result that the visitor's page shows."""
    (answer,) = visitor.ask(
        Call(visitor.find_event("answer"), visitor.list_inputs(visitor.find_event("answer")))
    )
    assert find_sentence(answer) is None
    states = page.state_holder.session_data[visitor.session].state_data.values()
    (key,) = [value for value in states if isinstance(value, str) and len(value) == 64]
    return key


def make_click(event: str, shown: str, odd: Any = (), part: str = "") -> dict[str, Any]:
    told = {part: shown if value == "KEY" else value for part, value in TOLD[event].items()}
    return {**NOTHING, **told, **({part: odd} if part else {})}


def test_every_event_that_is_told_anything_is_tried(page: gr.Blocks) -> None:
    kinds = {
        str(event.api_name): " ".join(
            str(one.annotation) for one in inspect.signature(event.fn).parameters.values()
        )
        for event in page.fns.values()
        if event.fn is not None
    }
    assert {name for name, words in kinds.items() if "EventData" in words or "SelectData" in words} == (
        TOLD.keys() | UNTOLD
    )


def test_odd_kinds_of_what_is_told_are_told_so(
    visitor: Visitor, page: gr.Blocks, caplog: pytest.LogCaptureFixture
) -> None:
    key, calls = find_key(page, visitor), []
    for number, (name, part) in enumerate((one, part) for one, told in TOLD.items() for part in told):
        event = visitor.find_event(name)
        for odd in itertools.islice(itertools.cycle(ODD), number % len(ODD), number % len(ODD) + 3):
            if not isinstance(odd, (str, *OPTIONAL.get(part, ()))):
                calls.append(Call(event, visitor.list_inputs(event), make_click(name, key, odd, part)))
    for call, answer in zip(calls, visitor.ask(*calls), strict=True):
        assert MISTAKEN in answer, (visitor.events[call.event]["api_name"], call.click, answer)
    assert len(calls) > 60
    look = visitor.find_event("collect")
    (answer,) = visitor.ask(
        Call(
            look, visitor.list_inputs(look), make_click("collect", key, {"layer": {}, "head": [None]}, "look")
        )
    )
    assert "layer must be a whole number" in answer
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_odd_values_of_components_are_no_crash(
    visitor: Visitor, page: gr.Blocks, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where a result is shown, which most events draw."""
    key, calls, odd = find_key(page, visitor), [], itertools.cycle(ODD)
    for number, event in visitor.events.items():
        places = [
            place
            for place, part in enumerate(event["inputs"])
            if visitor.components[part]["type"]
            in ("slider", "dropdown", "radio", "textbox", "html", "uploadbutton")
        ]
        if places:
            data, name = visitor.list_inputs(number), event["api_name"]
            data[places[number % len(places)]] = next(odd)
            calls.append(Call(number, data, make_click(name, key) if name in TOLD else None))
        if following := [
            place for place, part in enumerate(event["inputs"]) if isinstance(page.blocks[part], Choice)
        ]:
            data, name = visitor.list_inputs(number), event["api_name"]
            for place in following:  # it has no value until it follows its model
                data[place] = None
            calls.append(Call(number, data, make_click(name, key) if name in TOLD else None))
    for call, answer in zip(calls, visitor.ask(*calls), strict=True):
        assert CRASHED not in answer, (visitor.events[call.event]["api_name"], call.data, answer)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
    assert len(calls) > 50


def test_what_a_sentence_quotes_of_a_visitor_is_shortened(visitor: Visitor) -> None:
    """Whoever says it: the engine, the page's own checks, or gradio's."""
    long = "z" * 100_000
    slots = [slot for slot in list_slots(visitor) if slot[2] in ("dropdown", "radio", "textbox", "slider")]
    calls = [put_value(visitor, event, place, long) for event, place, _ in slots[:: len(slots) // 40]]
    told = list(filter(None, map(find_sentence, visitor.ask(*calls))))
    assert len(told) > 15
    assert max(map(len, told)) < 2 * LONGEST
    assert any("zzz…zzz" in words for words in told)


def test_values_that_go_deep_cost_no_more_than_flat_ones() -> None:
    deep: Any = [1] * 200_000
    for _ in range(400):
        deep = [deep]
    start = time.process_time()
    assert is_sound(deep)
    assert not list(find_paths(deep))
    assert time.process_time() - start < 2


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_a_public_endpoint_says_which_number_is_wrong(visitor: Visitor, value: float) -> None:
    number = visitor.find_event("attention_map")
    data = visitor.list_inputs(visitor.find_event("answer"))[:1] + visitor.list_inputs(number)[1:]
    for place, name in enumerate(PARAMETERS["/attention_map"]):
        if name in ("pruning_ratio", "layer", "head", "discard_ratio", "query"):
            (answer,) = visitor.ask(Call(number, [*data[:place], value, *data[place + 1 :]]))
            assert find_sentence(answer) == f"{name} must be a finite number of at most 16 digits."
