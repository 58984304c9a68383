"""The speed card: every variant once, costs counted exactly, break-even points worked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.nets import pictures, small, small_dynamic
from vitdemo import cost
from vitdemo.engine.answers import speed as module
from vitdemo.engine.answers.speed import (
    SIDES,
    SpeedCard,
    measure_speed,
    pays_from,
    rebuild,
    resize_config,
    time_calls,
    time_size,
)
from vitdemo.engine.core.pool import ModelPool
from vitdemo.registry import MODELS


@pytest.fixture(scope="module")
def pool(models: Path) -> ModelPool:
    return ModelPool(device="cpu", models_dir=models)


@pytest.fixture(scope="module")
def cards(pool: ModelPool) -> dict[str, SpeedCard]:
    """In such haste that only the smallest networks are measured."""
    keys = ("dynamicvit_cifar10", "lightvit_cifar10")
    quiet = lambda share, words: None  # noqa: E731
    return {key: measure_speed(key, pruning_ratio=0.5, pool=pool, progress=quiet, haste=1000) for key in keys}


def test_every_variant_once(cards: dict[str, SpeedCard]) -> None:
    names = {key: [timing.name for timing in card.timings] for key, card in cards.items()}
    assert names == {
        "dynamicvit_cifar10": ["dense", "learned", "class-attention", "random", "linear"],
        "lightvit_cifar10": ["dense", "class-attention", "random", "softmax"],
    }
    for key, card in cards.items():
        config = MODELS[key].config
        for timing in card.timings:
            kind = timing.name if timing.name in ("softmax", "linear") else config.attention
            keep = None if timing.name in ("dense", "softmax", "linear") else 0.5
            assert timing.macs == cost.macs(replace(config, attention=kind), keep_ratio=keep)
            assert timing.parameters == cost.parameters(config)
            assert timing.n >= 5
            assert 0 < timing.low <= timing.milliseconds <= timing.high


def test_sizes_that_would_take_too_long_are_left_out(cards: dict[str, SpeedCard]) -> None:
    for card in cards.values():
        assert [size.patches for size in card.sizes] == [64, 256, 576, 1024] == [side**2 for side in SIDES]
        assert all((size.dense is None) == (size.linear is None) == (size.n == 0) for size in card.sizes)
        assert card.sizes[-1].dense is None


def test_nothing_pruned_is_measured_at_a_usual_ratio(pool: ModelPool) -> None:
    card = measure_speed("vit_cifar10", pruning_ratio=0.0, pool=pool, progress=lambda s, w: None, haste=1e6)
    assert card.pruning_ratio == 0.3
    assert card.timings[1].macs == cost.macs(MODELS["vit_cifar10"].config, keep_ratio=0.7)
    with pytest.raises(ValueError, match="model must be one of"):
        measure_speed("nobody", pruning_ratio=0.3, pool=pool, progress=lambda s, w: None)


@torch.no_grad()
def test_a_rebuilt_network_has_the_shape_that_is_asked_for() -> None:
    net = small_dynamic()
    larger = rebuild(net, resize_config(net.config, 6))
    trace_like = larger(pictures(larger.config, 1))
    assert larger.config.num_patches == 36
    assert trace_like.shape == (1, 5)
    assert torch.isfinite(trace_like).all()
    same = rebuild(net, net.config)
    pixels = pictures(net.config, 2)
    torch.testing.assert_close(same(pixels), net(pixels))
    linear = rebuild(net, replace(net.config, attention="linear"))
    assert not torch.allclose(linear(pixels), net(pixels))
    weight = "blocks.0.attn.qkv.weight"
    assert linear.get_parameter(weight).data_ptr() == net.get_parameter(weight).data_ptr(), "no copy"
    assert resize_config(small(patch_size=(2, 4)).config, 3).img_size == (6, 12)


def test_calls_take_turns(pool: ModelPool) -> None:
    order: list[str] = []
    samples = time_calls([lambda: order.append("a"), lambda: order.append("b")], pool=pool, seconds=0.0)
    assert samples.shape == (5, 2)
    assert order == ["a", "b"] * 10, "one uncounted and one counted call of each a round"
    assert (np.array(samples) >= 0).all()


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([(64, False), (256, True), (576, True)], 256),
        ([(64, True), (256, False), (576, True)], 576),
        ([(64, True), (256, False)], None),
        ([(64, True), (256, None)], 64),
        ([(64, None)], None),
    ],
)
def test_where_it_pays(rows: list[tuple[int, bool | None]], wanted: int | None) -> None:
    assert pays_from(rows) == wanted


@pytest.mark.parametrize(
    ("ratios", "wins"),
    [
        ([0.5, 0.5, 0.5, 0.5, 3.0], True),  # one disturbed round does not count
        ([0.5, 0.5, 0.5, 3.0, 3.0], False),
        ([0.97] * 5, False),  # within the noise
    ],
)
def test_a_win_is_one_in_three_rounds_of_four(
    ratios: list[float], wins: bool, pool: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dense pass drifts from 10 to 50 ms: only the ratios within the rounds count."""
    dense = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    samples = np.stack([dense, dense * ratios, dense], axis=1)
    monkeypatch.setattr(module, "time_calls", lambda calls, pool, seconds, listen: samples)
    net = small()
    size = time_size(net, net.config, keep_ratio=0.5, pool=pool, seconds=1.0)
    assert (size.pruning_wins, size.linear_wins, size.n, size.dense) == (wins, False, 5, 30.0)
