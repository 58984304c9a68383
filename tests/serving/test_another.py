"""Networks that visitors name, at the port: no folder is told of, and what is unknown is one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.serving.visitor import Call, Visitor
from vitdemo.ui.kit.words import MISTAKEN


def tell(visitor: Visitor, event: str, **click: Any) -> dict[str, Any]:
    """Return what the page's box is told."""
    number = visitor.find_event(event)
    (answer,) = visitor.ask(Call(number, visitor.list_inputs(number), click))
    output = json.loads(answer.splitlines()[-1])["output"]
    said = json.loads(output["data"][0]["value"])
    assert said.pop("turn")
    return said


def test_no_folder_is_told_of(visitor: Visitor, models: Path, tmp_path: Path) -> None:
    there, missing = models / "vit_cifar10", tmp_path / "nothing"
    names = [str(there), f"local-dir:{there}", str(missing), f"local-dir:{missing}", "~", "../../etc"]
    told = [tell(visitor, "look_up", name=name) for name in names]
    assert all(one == told[0] for one in told)
    assert told[0]["problem"]
    assert told[0]["line"].startswith("This page opens no folders: name a repository of the Hub, owner/repo.")


@pytest.mark.parametrize("key", ["hf-hub:me/mine", "/etc", "", "None", "x" * 10_000])
def test_nothing_is_fetched_that_was_not_looked_up(visitor: Visitor, key: str) -> None:
    told = tell(visitor, "fetch", key=key)
    assert told["problem"]
    assert told["line"].startswith(("model must be one of ", "me/mine is not known here"))


@pytest.mark.parametrize("event", ["look_up", "fetch", "show", "answer_page", "ahead", "restore"])
def test_an_event_that_does_not_say_what_it_should_is_mistaken(
    visitor: Visitor, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    number = visitor.find_event(event)
    for click in ({}, None, [], "x", 7, {"search": "?"}):
        (answer,) = visitor.ask(Call(number, visitor.list_inputs(number), click))
        assert MISTAKEN in answer
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_what_is_at_hand_is_shown_at_once(visitor: Visitor) -> None:
    assert tell(visitor, "look_up", name=" vit_cifar10 ") == {"show": "vit_cifar10"}
    assert tell(visitor, "look_up", name="deit_tiny")["key"] == "deit_tiny"
