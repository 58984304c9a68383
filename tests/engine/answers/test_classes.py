"""The maps of a class: those of the pass that gave the answer, drawn on one scale, made once."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.engine.bundle import draw_picture, load_directly
from tests.small_bundle import write_small_models
from vitdemo import render
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Expired, Request
from vitdemo.engine.answers.classes import draw_class, find_class
from vitdemo.maps import CLASS_METHODS, METHODS, explain
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import add_relevance, record
from vitdemo.weights import load_model


@pytest.mark.parametrize(
    ("key", "ratio", "selector"),
    [("dynamicvit_cifar10", 0.3, "learned"), ("lightvit_cifar10", 0.5, "random"), ("vit_cifar10", 0.0, "")],
)
def test_maps_are_those_of_the_analysed_pass(
    engine: Engine, models: Path, key: str, ratio: float, selector: str
) -> None:
    image = draw_picture()
    result = engine.open(Request(image, key, ratio, selector))
    found = result.classes("frog")
    model, pixels = load_directly(models, key, image)
    pruning = None
    if selector:
        chosen = make_selector(selector, model=model, pixels=pixels)
        pruning = Pruning(chosen, FixedRatio(1 - ratio))
    trace = record(model, pixels, pruning=pruning, target=CIFAR10_CLASSES.index("frog"), grads=True)
    trace = add_relevance(trace, model, pixels)
    assert [one.method for one in found] == [m.key for m in METHODS.values() if m.of_class][:-1]
    for one in found:
        heat = explain(trace, one.method)
        method = METHODS[one.method]
        scale = (render.signed_scale if method.signed else render.own_scale)(heat, label=method.unit)
        gone = np.isin(np.arange(heat.size), trace.patch_ids(-1), invert=True).reshape(heat.shape)
        expected = render.draw_heat(result.analysis.view, heat, scale=scale, gone=gone)
        assert np.array_equal(np.asarray(one.image), np.asarray(expected)), one.method
        assert one.total == pytest.approx(np.nansum(heat))


def test_a_map_to_be_saved_is_the_same_and_larger(small_engine: Engine) -> None:
    result = small_engine.open(Request(draw_picture()))
    for one in result.classes("frog"):
        large = result.draw_class_map("frog", method=one.method)
        assert min(large.size) >= 1024
        assert large.height / large.width == pytest.approx(one.image.height / one.image.width, abs=0.01)
        small = np.asarray(large.resize(one.image.size, Image.Resampling.BOX)).astype(int)
        assert np.abs(small - np.asarray(one.image))[:440].mean() < 8
    with pytest.raises(ValueError, match="method must be one of"):
        result.draw_class_map("frog", method="raw-attention")


@pytest.fixture(scope="module")
def small_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(device="cpu", models_dir=write_small_models(tmp_path_factory.mktemp("small")))


def test_asking_again_runs_nothing_and_the_answer_is_the_default(small_engine: Engine) -> None:
    result = small_engine.open(Request(draw_picture()))
    assert result.analysis.pruned
    before = small_engine.forwards
    (best,) = result.classes(count=1)
    assert small_engine.forwards == before + 1
    named = result.classes(result.analysis.pruned.top[0][0])
    assert best == named[0]
    assert small_engine.forwards == before + 3
    default = result.classes()
    assert small_engine.forwards == before + 3
    assert [one.total for one in default] == [one.total for one in named]
    other = result.classes(result.analysis.pruned.top[1][0])
    assert small_engine.forwards == before + 6
    assert [one.total for one in other] != [one.total for one in named]


def test_the_most_faithful_map_is_the_first(tmp_path: Path) -> None:
    models = write_small_models(tmp_path)
    gains = {"chefer": [0.5, 0.4, 0.6], "token-gradcam": [0.3, 0.2, 0.4]}
    stored = json.dumps({"faithfulness": {"n": 7, "gains": gains}})
    (models / "dynamicvit_cifar10" / "metrics.json").write_text(stored)
    engine = Engine(device="cpu", models_dir=models)
    found = engine.open(Request(draw_picture())).classes()
    assert [one.method for one in found[:2]] == ["chefer", "token-gradcam"]
    assert {one.method for one in found} == CLASS_METHODS.keys()
    assert {one.judged for one in found} == {7}
    silent = engine.open(Request(draw_picture(), "vit_cifar10", 0.0)).classes()
    assert [(one.method, one.judged) for one in silent] == [(method, 0) for method in CLASS_METHODS]


def test_a_map_in_which_all_speaks_against_the_class_is_drawn(small_engine: Engine) -> None:
    entry = small_engine._cache.find(small_engine.open(Request(draw_picture())).key)
    assert entry is not None
    drawing = draw_class(entry, "attnlrp", np.full(entry.config.grid, -2.0, np.float32))
    assert (drawing.scale.low, drawing.scale.high, drawing.scale.signed) == (-2.0, 2.0, True)
    assert drawing.to_image().size == draw_class(entry, "attnlrp", np.ones(entry.config.grid)).to_image().size


def test_what_cannot_be_explained_is_told(small_engine: Engine) -> None:
    result = small_engine.open(Request(draw_picture()))
    with pytest.raises(ValueError, match="class must be one that dynamicvit_cifar10 knows, got 'unicorn'"):
        result.classes("unicorn")
    with pytest.raises(Expired):
        small_engine.recall("no such key")


def test_of_two_classes_with_one_name_the_likelier_is_meant(engine: Engine, models: Path) -> None:
    result = engine.open(Request(draw_picture(), "vit_cifar10", 0.0))
    entry = engine._cache.find(result.key)
    assert entry is not None
    assert entry.dense.logits is not None
    loaded = load_model("vit_cifar10", models_dir=models)
    names = ("crane", *CIFAR10_CLASSES[1:9], "crane")
    twins = dataclasses.replace(loaded, classes=names)
    expected = 0 if entry.dense.logits[0] > entry.dense.logits[9] else 9
    assert find_class(entry, twins, "crane") == expected
