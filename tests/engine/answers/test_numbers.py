"""Maps as numbers: what goes to prefix tokens, and patches that have no number."""

from __future__ import annotations

import dataclasses

import pytest

from tests.engine.bundle import draw_picture
from tests.maps.traces import write_trace
from vitdemo.engine import Engine, Look, Request
from vitdemo.engine.answers.attention import attention_map
from vitdemo.maps import ATTENTION_METHODS, CLASS_METHODS

ROWS = [[0.4, 0.1, 0.5], [0, 0, 0], [0.25, 0.25, 0.5]]  # the second token attends to nothing


def test_the_share_of_prefix_tokens_worked_by_hand(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), "vit_cifar10", 0.0))
    entry = engine._cache.find(result.key)
    assert entry is not None
    entry = dataclasses.replace(entry, dense=write_trace([ROWS], grid=(1, 2)))
    raw = attention_map(entry, Look("raw-attention"))
    assert raw.values == ((pytest.approx(0.1), pytest.approx(0.5)),)
    assert raw.range == pytest.approx((0.1, 0.5))
    assert raw.prefix_share == pytest.approx(0.4)
    assert raw.options == {"layer": 0, "head": None, "query": None, "fusion": "mean"}
    rollout = attention_map(entry, Look("attention-rollout"))  # half of it is the identity
    assert rollout.prefix_share == pytest.approx(0.7)
    silent = attention_map(entry, Look("raw-attention", query=0))
    assert silent.values == ((0.0, 0.0),)
    assert silent.prefix_share is None
    own = attention_map(entry, Look("head-rollout", query=1, head=0))
    assert own.prefix_share == pytest.approx(0.25)


def test_numbers_are_those_of_the_figure_and_run_nothing(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), "dynamicvit_cifar10", 0.5))
    count = engine.forwards
    found = result.attention(Look("raw-attention"))
    present = [i for i, value in enumerate(sum(found.values, ())) if value is not None]
    assert present == list(result.analysis.kept[-1])
    assert found.options["layer"] == 9
    assert engine.forwards == count
    with pytest.raises(ValueError, match=f"method must be one of {', '.join(ATTENTION_METHODS)}, got"):
        result.attention(Look("keep-score"))


def test_a_class_map_is_kept_and_its_method_is_checked_first(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), "dynamicvit_cifar10", 0.5))
    count = engine.forwards
    with pytest.raises(ValueError, match=f"method must be one of {', '.join(CLASS_METHODS)}, got"):
        result.class_map("frog", method="attention-rollout")
    assert engine.forwards == count
    found = result.class_map("frog", method="chefer")
    assert engine.forwards == count + 1
    drawn = {one.method: one.total for one in result.classes("frog")}
    assert engine.forwards == count + 3
    assert sum(value for row in found.values for value in row if value) == pytest.approx(drawn["chefer"])
