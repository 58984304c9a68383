"""The speed card: every variant once, costs counted exactly, break-even points worked by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.nets import make_pictures, make_small, make_small_dynamic
from vitdemo import cost
from vitdemo.engine.answers import speed as module
from vitdemo.engine.answers.speed import (
    SIDES,
    SpeedCard,
    measure_speed,
    pays_from,
    resize_config,
    time_calls,
    time_size,
)
from vitdemo.engine.core.pool import ModelPool
from vitdemo.models.selectors import SELECTORS
from vitdemo.models.twin import make_twin
from vitdemo.registry import MODELS
from vitdemo.timing import Timing


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
    names = {key: [one.name for one in card.variants] for key, card in cards.items()}
    free = [name for name in SELECTORS if name not in ("learned", "inverted")]
    assert names == {
        "dynamicvit_cifar10": ["dense", "learned", *free, "linear"],
        "lightvit_cifar10": ["dense", *free, "softmax"],
    }
    for key, card in cards.items():
        config = MODELS[key].config
        for one in card.variants:
            kind = one.name if one.name in ("softmax", "linear") else config.attention
            keep = None if one.name in ("dense", "softmax", "linear") else 0.5
            assert one.macs == cost.macs(replace(config, attention=kind), keep_ratio=keep)
            assert one.parameters == cost.parameters(config)
            assert one.time is not None
            assert one.time.n >= 5
            assert 0 < one.time.low <= one.time.milliseconds <= one.time.high


def test_sizes_that_would_take_too_long_are_left_out(cards: dict[str, SpeedCard]) -> None:
    for card in cards.values():
        assert [size.patches for size in card.sizes] == [64, 256, 576, 1024] == [side**2 for side in SIDES]
        assert all(size.tried == all(size.times) == any(size.times) for size in card.sizes)
        assert not card.sizes[-1].tried


@pytest.fixture
def called_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are made, and no time is taken of them."""

    def call_once(calls: Sequence[Callable[[], object]], **_: object) -> list[Timing]:
        for call in calls:
            call()
        return [steady(0.1)] * len(calls)

    monkeypatch.setattr(module, "time_calls", call_once)


def test_nothing_pruned_is_measured_at_a_usual_ratio(pool: ModelPool, called_once: None) -> None:
    card = measure_speed("vit_cifar10", pruning_ratio=0.0, pool=pool, progress=lambda s, w: None, haste=1e6)
    assert card.pruning_ratio == 0.3
    assert card.variants[1].macs == cost.macs(MODELS["vit_cifar10"].config, keep_ratio=0.7)
    with pytest.raises(ValueError, match="model must be one of"):
        measure_speed("nobody", pruning_ratio=0.3, pool=pool, progress=lambda s, w: None)


def test_a_network_is_measured_at_the_size_that_it_reads(pool: ModelPool, called_once: None) -> None:
    asked: dict[str, Any] = {"pruning_ratio": 0.3, "pool": pool, "progress": lambda s, w: None, "haste": 1e6}
    read = measure_speed("vit_cifar10", input_size=(48, 64), **asked)
    config = replace(MODELS["vit_cifar10"].config, img_size=(48, 64))
    assert read.pixels == (48, 64)
    assert read.variants[0].macs == cost.macs(config)
    assert read.variants[1].macs == cost.macs(config, keep_ratio=0.7)
    card = measure_speed("vit_cifar10", **asked)
    assert card.pixels == (32, 32)
    assert [size.patches for size in card.sizes] == [size.patches for size in read.sizes]


@torch.no_grad()
def test_a_rebuilt_network_has_the_shape_that_is_asked_for() -> None:
    net = make_small_dynamic()
    larger = make_twin(net, resize_config(net.config, 6))
    trace_like = larger(make_pictures(larger.config, 1))
    assert larger.config.num_patches == 36
    assert trace_like.shape == (1, 5)
    assert torch.isfinite(trace_like).all()
    same = make_twin(net, net.config)
    pixels = make_pictures(net.config, 2)
    torch.testing.assert_close(same(pixels), net(pixels))
    linear = make_twin(net, replace(net.config, attention="linear"))
    assert not torch.allclose(linear(pixels), net(pixels))
    weight = "blocks.0.attn.qkv.weight"
    assert linear.get_parameter(weight).data_ptr() == net.get_parameter(weight).data_ptr(), "no copy"
    assert resize_config(make_small(patch_size=(2, 4)).config, 3).img_size == (6, 12)


def test_calls_take_turns(pool: ModelPool) -> None:
    order: list[str] = []
    times = time_calls([lambda: order.append("a"), lambda: order.append("b")], pool=pool, seconds=0.0)
    assert [time and time.n for time in times] == [5, 5]
    assert order == ["a", "b"] * 10, "one uncounted and one counted call of each a round"


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


def steady(milliseconds: float) -> Timing:
    return Timing(milliseconds, 0.99 * milliseconds, 1.01 * milliseconds, 5)


@pytest.mark.parametrize(
    ("pruned", "wins"),
    [(steady(8.0), True), (steady(9.7), False), (steady(12.0), False), (None, None)],
)
def test_a_win_is_more_than_the_noise(
    pruned: Timing | None, wins: bool | None, pool: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [steady(10.0), pruned, steady(10.0)]
    monkeypatch.setattr(module, "time_calls", lambda calls, pool, seconds, listen: times)
    net = make_small()
    size = time_size(net, net.config, keep_ratio=0.5, pool=pool, seconds=1.0)
    assert (size.pruning_wins, size.linear_wins, size.dense) == (wins, False, times[0])


@pytest.mark.parametrize(("busy_from", "sizes"), [(0, 0), (1, 1), (2, 2)])
def test_a_busy_machine_is_asked_for_nothing_more(
    busy_from: int, sizes: int, pool: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variants come first, then the sizes."""
    asked: list[int] = []

    def told(calls: Sequence[object], **_: object) -> list[Timing | None]:
        asked.append(len(calls))
        return [None if len(asked) > busy_from else steady(0.1)] * len(calls)

    monkeypatch.setattr(module, "time_calls", told)
    card = measure_speed("vit_cifar10", pruning_ratio=0.3, pool=pool, progress=lambda s, w: None)
    assert len(asked) == 1 + sizes
    assert [any(size.times) for size in card.sizes] == [True] * (sizes - 1) + [False] * (sizes > 0)
    assert card.pruning_from is None
