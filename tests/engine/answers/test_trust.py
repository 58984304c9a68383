"""Trust: its curves are those of `judge_orders`, and its sentence follows from the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.engine.bundle import draw_picture, load_directly
from tests.small_bundle import write_small_models
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Expired, Request
from vitdemo.faithfulness import class_trace, judge_orders, map_orders, random_orders


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)


def test_trust_is_that_of_the_dense_network(engine: Engine, models: Path) -> None:
    image = draw_picture(1)
    key = engine.open(Request(image, "dynamicvit_cifar10", 0.5)).key
    told: list[float] = []
    found = engine.recall(key, progress=lambda share, text: told.append(share)).trust("cat")
    model, pixels = load_directly(models, "dynamicvit_cifar10", image)
    target = CIFAR10_CLASSES.index("cat")
    orders = map_orders(model, pixels, class_trace(model, pixels, target=target), seed=0)
    chance = random_orders(16, count=found.random_orders, seed=0)
    results = judge_orders(model, pixels, [*orders.values(), *chance], target=target)
    known = dict(zip(orders, results, strict=False))
    assert {one.method for one in found.candidates} == set(known)
    for one in found.candidates:
        np.testing.assert_allclose(one.deletion, known[one.method].deletion, atol=1e-5)
        np.testing.assert_allclose(one.insertion, known[one.method].insertion, atol=1e-5)
        assert one.gap == pytest.approx(one.insertion_auc - one.deletion_auc)
    gaps = [one.gap for one in found.candidates]
    assert gaps == sorted(gaps, reverse=True)
    randoms = results[len(orders) :]
    for curves in ([one.insertion for one in randoms], [one.deletion for one in randoms]):
        np.testing.assert_allclose(found.random_low, np.min(curves, axis=0), atol=1e-5)
        np.testing.assert_allclose(found.random_mean, np.mean(curves, axis=0), atol=1e-5)
        np.testing.assert_allclose(found.random_high, np.max(curves, axis=0), atol=1e-5)
    assert found.bar == pytest.approx(2.5 * np.std([one.gap for one in randoms]), abs=1e-5)
    assert found.trusted == tuple(one for one in found.candidates if one.gap > found.bar)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_asking_again_runs_nothing(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(2), "vit_cifar10"))
    assert result.analysis.pruned
    first = result.trust()
    assert first.label == result.analysis.pruned.top[0][0]
    assert "keep-score" not in {one.method for one in first.candidates}
    before = engine.forwards
    assert result.trust(first.label) is first
    assert engine.forwards == before


def test_what_cannot_be_judged_is_told(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(2), "vit_cifar10"))
    with pytest.raises(ValueError, match="class must be one that vit_cifar10 knows, got 'unicorn'"):
        result.trust("unicorn")
    with pytest.raises(Expired):
        engine.recall("no such key")
