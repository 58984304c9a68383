"""What a link may ask for, and that the browser's half of it speaks of the same parameters."""

from __future__ import annotations

import re

import pytest

from vitdemo.engine import DEFAULT_MODEL, Engine
from vitdemo.ui.kit import assets
from vitdemo.ui.kit.language import chinese
from vitdemo.ui.sidebar.link import UNKNOWN, WORDS, look_values, read
from vitdemo.ui.tabs.attention.words import OPTIONS

TABS = ("prediction", "attention")
GOOD = {
    "example": "ship",
    "model": "vit_cifar10",
    "ratio": "55",
    "selector": "random",
    "tab": "attention",
    "method": "raw-attention",
    "layer": "7",
    "head": "2",
    "direction": "in",
    "pass": "dense",
    "patch": "63",
    "fusion": "max",
    "discard": "95",
}
MEANT = {**GOOD, "ratio": 55, "layer": 7, "head": 2, "patch": 63, "discard": 95}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(device="cpu")


def test_a_link_is_read_whole(engine: Engine) -> None:
    foreign = {"__theme": "dark", "view": "api", "utm_source": "mail"}
    assert read(engine, {**foreign, **GOOD}, tabs=TABS) == (MEANT, [])
    assert read(engine, foreign, tabs=TABS) == ({}, [])
    assert read(engine, {"head": "all", "ratio": "0"}, tabs=TABS) == ({"head": "all", "ratio": 0}, [])


def test_a_former_name_of_a_tab_leads_to_it(engine: Engine) -> None:
    assert read(engine, {"tab": "referee"}, tabs=("prediction", "trust")) == ({"tab": "trust"}, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("example", "submarine"),
        ("example", "../../etc/passwd"),
        ("model", "gpt"),
        ("model", "hf-hub:someone/else"),
        ("ratio", "95"),
        ("ratio", "-5"),
        ("ratio", "33"),
        ("ratio", "thirty"),
        ("selector", "best"),
        ("selector", "learned"),  # which a plain ViT does not have
        ("tab", "Attention"),
        ("method", "chefer"),  # which the Attention tab does not show
        ("layer", "10"),
        ("layer", "-1"),
        ("head", "3"),
        ("direction", ""),
        ("pass", "both"),
        ("patch", "64"),
        ("patch", "1.0"),
        ("fusion", "sum"),
        ("discard", "100"),
    ],
)
def test_one_wrong_value_is_left_out_alone(engine: Engine, name: str, value: str) -> None:
    found, wrong = read(engine, {**GOOD, name: value}, tabs=TABS)
    assert wrong == [name]
    assert found == {key: meant for key, meant in MEANT.items() if key != name}


def test_layers_and_heads_are_those_of_the_model_that_is_shown(engine: Engine) -> None:
    bundled = engine.info(DEFAULT_MODEL)
    deit = engine.info("deit_tiny")
    assert (bundled.layers, deit.layers) == (10, 12)
    assert read(engine, {"layer": "11"}, tabs=TABS) == ({}, ["layer"])
    assert read(engine, {"layer": "11", "model": "deit_tiny"}, tabs=TABS)[1] == []
    assert read(engine, {"layer": "11", "model": "gpt"}, tabs=TABS)[1] == ["model", "layer"]


def test_the_browser_writes_what_is_read(engine: Engine) -> None:
    script = assets.read("sidebar/link.js")
    names = re.search(r"const NAMES = \[(.*?)\]", script, re.DOTALL)
    assert names
    assert set(re.findall(r'"(\w+)"', names[1])) == set(GOOD)
    controls = assets.read("tabs/attention/controls.js")
    for name in ("direction", "pass", "fusion"):
        offered = re.search(rf"{name}: \[(.*?)\]", controls)
        assert offered
        assert re.findall(r'"([\w-]+)"', offered[1]) == list(look_values(engine, DEFAULT_MODEL)[name])
    assert list(OPTIONS) == list(look_values(engine, DEFAULT_MODEL)["method"])


def test_every_word_has_its_chinese() -> None:
    assert {*WORDS.values(), UNKNOWN} <= set(chinese())
    assert set(re.findall(r"\{\w+\}", chinese()[UNKNOWN])) == set(re.findall(r"\{\w+\}", UNKNOWN))
