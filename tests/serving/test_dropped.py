"""A page that shows a network which was dropped since, because others have named so many: a sentence each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.serving.test_foreign_files import find_sentence
from tests.serving.visitor import Call, Visitor
from vitdemo.engine import Engine
from vitdemo.ui.kit.words import CRASHED
from vitdemo.weights import Offer

NAME, SOURCE = "hf-hub:me/mine", "hf-hub:me/mine@" + 40 * "0"
TOLD = "me/mine is not known here, or not any more: look it up, or choose another model."


@pytest.fixture
def named(engine: Engine, models: Any) -> Engine:
    """An engine in which a visitor has named a network; it is in memory."""
    pool = engine._pool
    spec = replace(pool.spec("vit_cifar10"), key=NAME, title="me/mine", source=SOURCE)
    pool.offers._asked.keep(NAME, Offer(spec, apart=models))
    pool._models.keep(SOURCE, replace(pool.get("vit_cifar10"), spec=spec))
    return engine


def ask_for(visitor: Visitor, event: int, model: str, **others: Any) -> Call:
    """Return an event as a page would start it whose model, on all sides, is this one.

    `others`: values of the left column, by elem_id.
    """
    parts = [visitor.components[part]["props"].get("elem_id") for part in visitor.events[event]["inputs"]]
    chosen = {**dict.fromkeys(("model", "compare-model-a", "compare-model-b"), model), **others}
    values = [chosen.get(part, value) for part, value in zip(parts, visitor.list_inputs(event), strict=True)]
    click = {"key": NAME, "index": 0, "value": "cat", "turn": 1, "id": "", "pass": "dense", "layer": 0}
    click["search"] = "layer=1"
    return Call(event, values, click)


def test_it_is_told_in_a_sentence_and_the_page_goes_on(
    visitor: Visitor, named: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    show, answer = visitor.find_event("show"), visitor.find_event("answer")
    (shown,) = visitor.ask(ask_for(visitor, show, "vit_cifar10"))
    assert "me/mine" in shown
    (again,) = visitor.ask(ask_for(visitor, answer, NAME))
    assert find_sentence(again) is None
    assert "me/mine" in again
    named._pool.offers._asked.forget(0)
    others = [event for event in visitor.events if event != answer]
    calls = [ask_for(visitor, event, NAME) for event in others]
    # What is shown already is not asked for again.
    told, *answers = visitor.ask(ask_for(visitor, answer, NAME, ratio=50), *calls)
    assert find_sentence(told) is None
    assert TOLD in told, "where the answer stands"
    sentences = {find_sentence(one) for one in answers}
    assert TOLD in sentences
    assert CRASHED not in sentences
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
    (other,) = visitor.ask(ask_for(visitor, answer, "vit_cifar10"))
    assert TOLD not in json.dumps(other)
    assert 'class=\\\\"problem' not in other
