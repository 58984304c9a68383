"""What a link may ask for, and that the browser's half of it speaks of the same parameters."""

from __future__ import annotations

import re

import gradio as gr
import pytest

from tests.browser.server import quick_models
from vitdemo.engine import Engine
from vitdemo.engine.look import DIRECTIONS, PASSES
from vitdemo.maps.options import FUSION
from vitdemo.ui.kit import assets
from vitdemo.ui.kit.language import read_chinese
from vitdemo.ui.sidebar import controls
from vitdemo.ui.sidebar.address import UNKNOWN, read_parameters, set_another
from vitdemo.ui.sidebar.link import WORDS, Link, build_button

TABS = ("prediction", "attention")
GOOD = {
    "example": "ship",
    "model": "vit_cifar10",
    "size": "own",
    "ratio": "55",
    "selector": "random",
    "reduction": "merge",
    "tab": "attention",
    "method": "raw-attention",
    "layer": "7",
    "head": "2",
    "direction": "in",
    "pass": "dense",
    "query": "63",
    "fusion": "max",
    "discard_ratio": "0.95",
}
LEFT = ("example", "model", "size", "ratio", "selector", "reduction", "tab")
MEANT = {
    **{name: GOOD[name] for name in LEFT},
    "ratio": 55,
    "look": {
        **{name: text for name, text in GOOD.items() if name not in LEFT},
        "layer": 7,
        "head": 2,
        "query": 63,
        "discard_ratio": 0.95,
    },
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(device="cpu", models_dir=quick_models())


def test_a_link_is_read_whole(engine: Engine) -> None:
    foreign = {"__theme": "dark", "view": "api", "utm_source": "mail"}
    assert read_parameters(engine, {**foreign, **GOOD}, tabs=TABS) == (MEANT, [])
    assert read_parameters(engine, foreign, tabs=TABS) == ({}, [])
    assert read_parameters(engine, {"head": "all", "ratio": "0"}, tabs=TABS) == (
        {"look": {"head": None}, "ratio": 0},
        [],
    )


def test_links_of_former_versions_are_read(engine: Engine) -> None:
    assert read_parameters(engine, {"tab": "referee"}, tabs=("prediction", "trust")) == ({"tab": "trust"}, [])
    former = {name: text for name, text in GOOD.items() if name not in ("query", "discard_ratio")}
    assert read_parameters(engine, {**former, "patch": "63", "discard": "95"}, tabs=TABS) == (MEANT, [])
    for discard, ratio in (("0", 0), ("5", 0.05), ("35", 0.35)):
        found, _ = read_parameters(engine, {"discard": discard}, tabs=TABS)
        assert found == {"look": {"discard_ratio": ratio}}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("example", "submarine"),
        ("example", "../../etc/passwd"),
        ("model", "gpt"),
        ("model", "hf-hub:someone/else"),
        ("size", "33"),
        ("size", ""),
        ("size", "1000000"),
        ("ratio", "95"),
        ("ratio", "-5"),
        ("ratio", "33"),
        ("ratio", "thirty"),
        ("selector", "best"),
        ("selector", "learned"),  # which a plain ViT does not have
        ("reduction", "melt"),
        ("tab", "Attention"),
        ("method", "chefer"),  # which the Attention tab does not show
        ("layer", "10"),
        ("layer", "-1"),
        ("head", "3"),
        ("direction", ""),
        ("pass", "both"),
        ("query", "64"),
        ("query", "1.0"),
        ("fusion", "sum"),
        ("discard_ratio", "1"),
        ("discard_ratio", "0.33"),
    ],
)
def test_one_wrong_value_is_left_out_alone(engine: Engine, name: str, value: str) -> None:
    found, wrong = read_parameters(engine, {**GOOD, name: value}, tabs=TABS)
    assert wrong == [name]
    assert found == {
        **{key: meant for key, meant in MEANT.items() if key != name},
        "look": {key: meant for key, meant in MEANT["look"].items() if key != name},
    }


@pytest.mark.parametrize(("name", "value"), [("patch", "64"), ("patch", "1.0"), ("discard", "100")])
def test_a_wrong_value_of_a_former_version_is_left_out_as_well(engine: Engine, name: str, value: str) -> None:
    assert read_parameters(engine, {name: value}, tabs=TABS) == ({}, [name])


def test_layers_and_heads_are_those_of_the_model_that_is_shown(engine: Engine) -> None:
    bundled = engine.info(engine.default_model)
    deit = engine.info("deit_tiny")
    assert (bundled.layers, deit.layers) == (10, 12)
    assert read_parameters(engine, {"layer": "11"}, tabs=TABS) == ({}, ["layer"])
    assert read_parameters(engine, {"layer": "11", "model": "deit_tiny"}, tabs=TABS)[1] == []
    assert read_parameters(engine, {"layer": "11", "model": "gpt"}, tabs=TABS)[1] == ["model", "layer"]


def test_patches_are_those_of_the_size_that_is_asked_for(engine: Engine) -> None:
    for size, last in (("16", 15), ("48", 143)):
        assert read_parameters(engine, {"size": size, "query": str(last)}, tabs=TABS)[1] == []
        assert read_parameters(engine, {"size": size, "query": str(last + 1)}, tabs=TABS)[1] == ["query"]


def test_what_is_a_networks_own_waits_until_it_has_been_fetched(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of it is a mistake of the link because the network that the page opens with has it not."""
    asked = {"model": "deit_small", "size": "160", "selector": "random", "layer": "11", "query": "99"}
    always = {"example": "ship", "ratio": "55", "reduction": "melt"}
    found, wrong = read_parameters(engine, {**asked, **always}, tabs=TABS)
    found, wrong = set_another(engine, found, wrong, {**asked, **always})
    search = found.pop("search")
    assert (found, wrong) == ({"example": "ship", "ratio": 55, "another": "deit_small"}, ["reduction"])
    warnings: list[str] = []
    monkeypatch.setattr(gr, "Warning", warnings.append)
    with gr.Blocks():
        side = controls.build(engine, first=None, data_dir=None, uploads=True)
        link = Link(side, build_button(side), {})
    session = side.session
    opened = {part: part.value for part in side.settings.values()}
    values, told = link.follow_later(opened, search, "deit_small")
    wanted = {session.model: "deit_small", session.size: "160", session.selector: "random"}
    assert values == {**opened, **wanted}
    assert [update.props["later"] for update in told.values()] == [{"layer": 11, "query": 99}]
    assert warnings == []  # of what was wrong whatever the network is, the page told when it was opened
    values, told = link.follow_later(opened, search.replace("160", "161") + "&head=6", "deit_small")
    assert (values[session.size], len(warnings)) == ("", 2)
    assert ["size=161" in warnings[0], "head=6" in warnings[1]] == [True, True]
    assert link.follow_later(opened, "", "deit_small") == ({**opened, session.model: "deit_small"}, {})


def test_the_browser_writes_what_is_read() -> None:
    script = assets.read("sidebar/link.js")
    steps = re.search(r"const STEPS = \[(.*?)\]", script)
    assert steps
    assert set(re.findall(r'"(\w+)"', steps[1])) == set(LEFT)
    # PARAMETERS are those whose values tests/engine/test_look.py walks through.
    assert "const NAMES = [...STEPS, ...PARAMETERS];" in script
    controls = assets.read("tabs/attention/controls.js")
    for name, values in (("direction", DIRECTIONS), ("pass", PASSES), ("fusion", FUSION.choices)):
        offered = re.search(rf"{name}: \[(.*?)\]", controls)
        assert offered
        assert re.findall(r'"([\w-]+)"', offered[1]) == list(values)


def test_every_word_has_its_chinese() -> None:
    assert {*WORDS.values(), UNKNOWN} <= set(read_chinese())
    assert set(re.findall(r"\{\w+\}", read_chinese()[UNKNOWN])) == set(re.findall(r"\{\w+\}", UNKNOWN))
