"""Checks that pass on a sound network, and fail on every fault that is planted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.bundle import draw_picture
from tests.maps.traces import make_trace
from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo.engine import Engine, Request
from vitdemo.engine.answers import sanity
from vitdemo.engine.core.cache import Entry
from vitdemo.maps import explain
from vitdemo.models import stages
from vitdemo.models.merging import Present
from vitdemo.models.pruning import FixedRatio
from vitdemo.models.twin import make_twin
from vitdemo.recording import record


@pytest.mark.parametrize("key", ["dynamicvit_cifar10", "lightvit_cifar10"])
def test_a_sound_result_passes(
    key: str, engine: Engine, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sanity, "DRAWS", 1)
    shown, before, told = engine.open(Request(draw_picture(), key, 0.5)).key, engine.forwards, []
    report = engine.recall(shown, progress=lambda share, words: told.append(share)).inside.sanity()
    first = "masked" if key == "dynamicvit_cifar10" else "removed"
    kinds = [check.kind for check in report.checks]
    assert kinds == ["rows", first, "recorded", *["randomised"] * 3]
    assert all(check.passed for check in report.checks[:3])
    assert engine.forwards > before + 10, "the cascade is counted"
    assert told == sorted(told)
    parts = [part for part, _ in report.cascade["attention-rollout"]]
    assert parts == ["head", *(f"block {index}" for index in range(9, -1, -1)), "embedding"]
    assert report.cascade["attention-rollout"][0][1] == pytest.approx(1.0), (
        "attention knows nothing of the head"
    )
    assert report.cascade["gradient-rollout"][0][1] < 0.9999, "a map of a class depends on the head"
    assert [check.about for check in report.checks[3:]] == list(report.cascade)
    assert len(report.images) == 3


def replace_attention(change: Callable[[Tensor], Tensor]) -> sanity.Check:
    trace = make_trace()
    broken = dataclasses.replace(trace, attn=(*trace.attn[:2], change(trace.attn[2].clone()), trace.attn[3]))
    return sanity.check_row_sums([trace, broken])


def scale_row(attn: Tensor) -> Tensor:
    attn[1, 3] *= 1.01
    return attn


def make_negative(attn: Tensor) -> Tensor:
    attn[0, 2, 4] -= 0.5
    attn[0, 2, 5] += 0.5
    attn[0, 2, 4] -= attn[0, 2, 4].clamp(min=0)
    return attn / attn.sum(-1, keepdim=True)


def put_nan(attn: Tensor) -> Tensor:
    attn[2, 0, 0] = float("nan")
    return attn


def empty_row(attn: Tensor) -> Tensor:
    attn[0, 1] = 0
    return attn


@pytest.mark.parametrize("change", [scale_row, make_negative, put_nan])
def test_broken_rows_fail(change: Callable[[Tensor], Tensor]) -> None:
    assert not replace_attention(change).passed


def test_whole_rows_and_empty_ones_pass() -> None:
    assert replace_attention(lambda attn: attn).passed
    assert replace_attention(empty_row).passed


def test_one_wrong_logit_fails() -> None:
    net = make_small()
    pixels = make_pictures(net.config, 1)
    trace = record(net, pixels)
    assert trace.logits is not None
    assert sanity.check_recording(trace, net(pixels)[0]).passed
    wrong = trace.logits + 0.01 * torch.eye(5)[3]
    check = sanity.check_recording(dataclasses.replace(trace, logits=wrong), net(pixels)[0])
    assert not check.passed
    assert check.value == pytest.approx(0.01, rel=1e-2)
    assert not sanity.check_recording(trace, torch.full((5,), torch.nan)).passed


def open_entry(engine: Engine, key: str, ratio: float) -> Entry:
    return engine.open(Request(draw_picture(), key, ratio))._entry


@pytest.mark.parametrize("ratio", [0.0, 0.5])
@torch.no_grad()
def test_masking_other_tokens_fails(engine: Engine, ratio: float) -> None:
    net, entry = make_small_dynamic(), open_entry(engine, "dynamicvit_cifar10", ratio)
    pixels = make_pictures(net.config, 1)
    assert sanity.check_masking(net, pixels, entry).passed
    honest = net.forward_masked
    net.forward_masked = lambda x, rule: honest(x, FixedRatio(0.3))  # type: ignore[method-assign]
    assert not sanity.check_masking(net, pixels, entry).passed


@torch.no_grad()
def test_a_cut_that_loses_a_token_fails(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    net, entry = make_small(), open_entry(engine, "vit_cifar10", 0.0)
    pixels = make_pictures(net.config, 1)
    assert sanity.check_masking(net, pixels, entry).passed
    honest = stages.cut

    def lossy(tokens: Present, keep: Tensor, num_prefix_tokens: int) -> Present:
        left = honest(tokens, keep, num_prefix_tokens)
        return dataclasses.replace(left, x=left.x * (left.ids != 7).unsqueeze(-1))

    monkeypatch.setattr(stages, "cut", lossy)
    assert not sanity.check_masking(net, pixels, entry).passed


SHUFFLED = ["square", "distilled", "registers", "mean, no class token", "linear"]
SHUFFLED += ["attention pooling", "pre-norm, quick GELU"]


@pytest.mark.parametrize("variant", SHUFFLED)
def test_the_cascade_ends_in_the_random_network_and_spares_the_model(variant: str) -> None:
    net = make_small(**VARIANTS[variant])
    pixels, before = make_pictures(net.config, 1), {k: v.clone() for k, v in net.state_dict().items()}
    copy, fresh = make_twin(net), sanity.build_random(net, seed=3)
    torch.manual_seed(3)
    for part in ("head", "block 3", "block 2", "block 1", "block 0", "embedding"):
        assert not torch.equal(copy(pixels), fresh(pixels))
        sanity.exchange(copy, fresh, part)
    torch.testing.assert_close(copy(pixels), fresh(pixels))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@torch.no_grad()
def test_the_last_step_is_the_map_of_a_random_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean over random networks of the correlation with the map of the trained one, for its answer."""
    monkeypatch.setattr(sanity, "is_settled", lambda last: False)
    net = make_small(**VARIANTS["square"])
    pixels = make_pictures(net.config, 1)
    target = int(net(pixels).argmax())
    trace = record(net, pixels, grads=True, target=target)
    networks = [sanity.build_random(net, seed=seed) for seed in range(sanity.DRAWS)]
    others = [record(fresh, pixels, grads=True, target=target) for fresh in networks]
    cascade = sanity.randomise(net, pixels)
    assert list(cascade) == ["attention-rollout", "raw-attention", "gradient-rollout"]
    for key, steps in cascade.items():
        found = [
            compute_spearman(explain(trace, key).ravel(), explain(other, key).ravel()) for other in others
        ]
        assert steps[-1][1] == pytest.approx(np.mean(found), abs=1e-3), key


def compute_spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Without equal values: Pearson's correlation of the ranks."""
    return float(np.corrcoef(a.argsort().argsort(), b.argsort().argsort())[0, 1])


def test_no_draw_is_made_that_cannot_change_the_outcome() -> None:
    assert not sanity.is_settled(np.zeros((0, 3)))
    assert not sanity.is_settled(np.zeros((2, 3))[:1])
    assert sanity.is_settled(np.full((3, 2), -1 / 3) + 1e-9)
    assert not sanity.is_settled(np.array([[0.0, 0.4]] * 3)), "a fourth of 1 makes the second map's mean 0.55"
    rng = np.random.default_rng(0)
    for draws in rng.uniform(-1, 1, (500, sanity.DRAWS, 2)):
        for done in range(sanity.DRAWS):
            if sanity.is_settled(draws[:done]):
                assert (np.abs(draws.mean(0)) <= sanity.ALIKE_LIMIT).all()
                assert (np.abs(draws[:done].mean(0)) <= sanity.ALIKE_LIMIT).all()


def test_a_network_without_classes_has_the_maps_of_attention_only() -> None:
    net = make_small(num_classes=0)
    assert list(sanity.randomise(net, make_pictures(net.config, 1))) == ["attention-rollout", "raw-attention"]


def test_a_map_that_ignores_the_weights_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edge detector, say: the same map whatever the network."""
    net = make_small()
    pixels = make_pictures(net.config, 1)
    fixed = np.random.default_rng(0).random((4, 4))
    monkeypatch.setattr(sanity, "explain", lambda trace, key: fixed)
    steps = sanity.randomise(net, pixels)["attention-rollout"]
    assert [value for _, value in steps] == pytest.approx([1.0] * 6)
    assert not sanity.Check("randomised", abs(steps[-1][1]), sanity.ALIKE_LIMIT).passed


def test_drawing_weights_leaves_the_random_numbers_of_others_alone() -> None:
    state = torch.get_rng_state()
    first = sanity.build_random(make_small(), seed=0)
    torch.set_rng_state(state)
    wanted = torch.rand(3)
    torch.set_rng_state(state)
    second = sanity.build_random(make_small(), seed=0)
    assert torch.equal(first.state_dict()["pos_embed"], second.state_dict()["pos_embed"])
    torch.set_rng_state(state)
    sanity.build_random(make_twin(first), seed=5)
    assert torch.equal(torch.rand(3), wanted)


def test_rank_correlation_by_hand() -> None:
    a = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert sanity.rank_correlation(a, a**3) == pytest.approx(1.0)
    assert sanity.rank_correlation(a, -a) == pytest.approx(-1.0)
    # Ranks 2 1 4 3 5: squared differences 1 1 1 1 0, so 1 - 6 x 4 / (5 x 24).
    assert sanity.rank_correlation(a, np.array([20.0, 10.0, 40.0, 30.0, 50.0])) == pytest.approx(0.8)
    np.testing.assert_array_equal(sanity.ranks(np.array([7.0, 1.0, 7.0, 3.0])), [3.5, 1.0, 3.5, 2.0])
    assert sanity.rank_correlation(a, np.ones(5)) == 0.0
