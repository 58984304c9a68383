"""Trust: its curves are those of `judge_orders`, and its sentence follows from the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.bundle import draw_picture, load_directly
from tests.small_bundle import write_small_models
from vitdemo.cost import macs
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Expired, Request
from vitdemo.engine.answers import trust as answers
from vitdemo.faithfulness import class_trace, judge_orders, map_orders, random_orders
from vitdemo.registry import MODELS


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
        judged = known[one.method]
        assert one.srg == pytest.approx(judged.srg, abs=1e-4)
        assert (one.mif_accuracy, one.lif_accuracy) == (judged.mif_accuracy, judged.lif_accuracy)
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


def test_steps_follow_from_the_cost_of_a_pass() -> None:
    sets = 2 * 9 + 24  # eight maps, one with a tie, and the random orders
    shares = {key: answers.choose_shares(spec.config, sets=sets) for key, spec in MODELS.items()}
    even = tuple(np.linspace(0, 1, 17))
    for key, found in shares.items():
        assert (found[0], found[-1]) == (0, 1)
        assert list(found) == sorted(set(found))
        if "cifar10" in key or "imagenette" in key:
            assert found == even
        if len(found) - 1 > answers.FEWEST_STEPS:  # at the ends all orders have the same patches
            assert sum(found[1:-1]) * sets * macs(MODELS[key].config) <= answers.BUDGET
    assert 3 * sum(shares["dynamicvit_photo"][1:-1]) <= sum(even[1:-1])
    assert shares["dynamicvit_photo"][1] < even[1]  # closer together where few patches are left
    assert len(shares["vit_base_augreg2"]) - 1 == answers.FEWEST_STEPS


def test_few_steps_leave_the_ends_of_the_curves(
    engine: Engine, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "BUDGET", 1.0)
    image = draw_picture(3)
    found = engine.open(Request(image, "vit_cifar10", 0.5)).trust("cat")
    model, pixels = load_directly(models, "vit_cifar10", image)
    assert (found.steps, found.kept) == (4, (0, 1, 4, 9, 16))
    with torch.no_grad():
        tokens = model.embed(pixels)
        ends = []
        for patches in (0, 16):
            shown = tokens[:, : model.config.num_prefix_tokens + patches]
            for block in model.blocks:
                shown = block(shown)
            ends.append(float(model.classify(shown).softmax(-1)[0, CIFAR10_CLASSES.index("cat")]))
    for one in found.candidates:
        for curve in (one.deletion, one.insertion):
            assert (curve[0], curve[-1]) == pytest.approx(ends, abs=1e-5)
    for curve in (found.random_low, found.random_mean, found.random_high):
        assert (curve[0], curve[-1]) == pytest.approx(ends, abs=1e-5)


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
