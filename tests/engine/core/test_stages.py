"""Stages of one's own, as they are asked for: what comes back is the bare network's under that schedule."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.engine.bundle import draw_picture, load_directly
from tests.small_bundle import write_small_models
from vitdemo import cost
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Look, Request
from vitdemo.engine.core.setting import find_setting
from vitdemo.maps import explain
from vitdemo.models.pruning import Pruning
from vitdemo.models.schedule import Schedule
from vitdemo.models.selectors import ClassAttention
from vitdemo.recording import add_relevance, record
from vitdemo.trace import Trace

MODEL = "dynamicvit_cifar10"
ASKED = Request(draw_picture(), MODEL, 0.4, stages=" 0:0.75,2 : 0.5")
FROG = CIFAR10_CLASSES.index("frog")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_models(tmp_path_factory.mktemp("stages"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine(device="cpu", models_dir=folder)


@cache
def record_by_hand(folder: Path) -> Trace:
    """Return the same pass without the engine, with the gradients of a class."""
    model, pixels = load_directly(folder, MODEL, draw_picture())
    pruning = Pruning(ClassAttention(), Schedule((0, 2), (0.75, 0.5)))
    return record(model, pixels, pruning=pruning, target=FROG, grads=True)


def test_answer_tokens_and_macs_are_those_of_the_bare_network(engine: Engine, folder: Path) -> None:
    analysis, trace = engine.open(ASKED).analysis, record_by_hand(folder)
    assert (analysis.stages, analysis.selector) == ("0:0.75, 2:0.5", "class-attention")
    assert analysis.pruning_ratio == pytest.approx(1 - (0.75 * 0.5) ** 0.5, abs=1e-4)
    assert analysis.pruned is not None
    assert trace.logits is not None
    assert analysis.kept == tuple(tuple(ids.tolist()) for ids in trace.kept)
    assert analysis.pruned.tokens == (16, 12, 6)
    shares: dict[str, float] = dict(zip(CIFAR10_CLASSES, trace.logits.softmax(0).tolist(), strict=True))
    assert dict(analysis.pruned.top) == pytest.approx(
        {label: shares[label] for label, _ in analysis.pruned.top}, abs=1e-5
    )
    config = load_directly(folder, MODEL, draw_picture())[0].config
    assert analysis.pruned.macs == cost.macs(config, tokens=(16, 12, 6), prune_loc=(0, 2))


def test_at_its_own_stages_the_network_answers_as_ever(engine: Engine) -> None:
    for selector in ("learned", "inverted"):
        usual = engine.open(Request(ASKED.image, MODEL, 0.4, selector))
        own = engine.open(replace(ASKED, selector=selector, stages="1:0.6, 2:0.6, 3:0.6"))
        assert own.key != usual.key
        assert (own.analysis.kept, own.analysis.pruned) == (usual.analysis.kept, usual.analysis.pruned)
        assert own.analysis.pruning_ratio == pytest.approx(0.4, abs=1e-4)


def test_maps_and_surgery_are_of_those_stages(engine: Engine, folder: Path) -> None:
    result = engine.open(ASKED)
    trace = add_relevance(record_by_hand(folder), *load_directly(folder, MODEL, draw_picture()))
    for method in ("gradient-rollout", "attnlrp"):
        found = np.array(result.class_map("frog", method=method).values, float)
        np.testing.assert_allclose(found, explain(trace, method), atol=1e-5)
    found = np.array(result.attention(Look()).values, float)
    np.testing.assert_allclose(found, explain(trace, Look().method), atol=1e-5)
    gone = next(patch for patch in range(16) if patch not in result.analysis.kept[0])
    assert result.analysis.pruned is not None
    same = result.lab.operate()
    assert (same.tokens, same.macs) == (result.analysis.pruned.tokens, result.analysis.pruned.macs)
    assert dict(same.after) == pytest.approx(dict(same.before), abs=1e-5)
    assert result.lab.operate(keep=[gone]).tokens == (16, 13, 7)


def test_pictures_texts_and_files_tell_them(engine: Engine) -> None:
    result = engine.open(ASKED)
    assert [str(words) for _, words in result.tokens.kept_figures()][1:] == [
        "Stage 1: 12 of 16 patches",
        "Stage 2: 6 of 16 patches",
    ]
    (text,) = (step.text for step in result.inside.walk() if step.title == "Token pruning")
    assert text.startswith("Before layers 0, 2 (counted from 0)")
    facts = json.loads(result.export(Look()).to_json())
    assert (facts["stages"], facts["prune_loc"]) == ("0:0.75, 2:0.5", [0, 2])
    assert (facts["pruning_ratio"], facts["keep_ratio"]) == (0.3876, 0.6124)


def test_what_goes_by_a_ratio_does_not_take_them_for_one(engine: Engine) -> None:
    request = replace(ASKED, stages="0:0.6")
    result = engine.open(request)
    assert result.analysis.pruning_ratio == 0.4
    steps = result.ratio_steps("class-attention")
    assert steps[40].tokens == (16, 9, 5, 3), "three stages, before layers 1, 2 and 3"
    other = engine.contrast(request)
    assert (other.model, other.stages) == ("vit_cifar10", "")
    assert all(check.passed for check in result.inside.sanity().checks)
    assert find_setting(result.analysis, result._subject.loaded).keep == Schedule((0,), (0.6,))


def test_a_folder_is_answered_alike(engine: Engine, tmp_path: Path) -> None:
    draw_picture().save(tmp_path / "a.png")
    (said,) = engine.answer([tmp_path / "a.png"], ASKED)
    pruned = engine.open(ASKED).analysis.pruned
    assert pruned is not None
    assert said.pruned_label == pruned.top[0][0]
    assert said.pruned_probability == pytest.approx(pruned.top[0][1], abs=1e-5)


@pytest.mark.parametrize("selector", ["learned", "inverted"])
def test_where_no_predictor_stands_none_is_asked(engine: Engine, selector: str) -> None:
    words = (
        rf"^selector '{selector}' asks the learned predictors, which stand only before layers 1, 2, 3; at "
        r"other stages choose one of class-attention, random$"
    )
    with pytest.raises(ValueError, match=words):
        engine.open(replace(ASKED, selector=selector))
    merged = engine.open(replace(ASKED, selector=selector, reduction="tome")).analysis
    assert (merged.selector, merged.pruned and merged.pruned.tokens) == ("", (16, 12, 6))
    plain = engine.open(replace(ASKED, model="vit_cifar10", selector="inverted")).analysis
    assert plain.pruned is not None
    assert plain.pruned.tokens == (16, 12, 6)
