"""Equal patches of a map: judged by the mean over their orders, wherever they lie in the picture."""

from __future__ import annotations

import dataclasses
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.maps.traces import make_trace
from tests.models.nets import make_pictures, make_small
from vitdemo.config import ViTConfig
from vitdemo.faithfulness import class_trace, judge_orders, map_orders, orders_of, random_orders
from vitdemo.faithfulness.orders import keep_rank
from vitdemo.maps import explain
from vitdemo.models import VisionTransformer, build_model
from vitdemo.models.pruning import Explicit

FEW = st.sampled_from([0.0, -0.0, 0.25, 0.5, float("nan")])


class Centre(VisionTransformer):
    """Is as sure of class 1 as it sees of the two middle columns of a 4 x 4 grid."""

    def forward(self, x: Any, *, pruning: Any = None, recorder: Any = None) -> Tensor:
        assert isinstance(pruning.rule, Explicit)
        (ids,) = pruning.rule.ids
        assert ids is not None
        middle = (ids % 4 == 1) | (ids % 4 == 2)
        sure = 0.1 + 0.1 * middle.sum(1)
        return torch.stack([1 - sure, sure], dim=1).log()


@given(values=st.lists(FEW, min_size=1, max_size=12), seed=st.integers(0, 2**31))
def test_orders_fall_and_run_both_ways_through_equal_patches(values: list[float], seed: int) -> None:
    heat = np.array([values])
    orders = orders_of(heat, seed=seed)
    known = [-np.inf if value != value else value for value in values]
    assert len(orders) == (1 if len(set(known)) == len(known) else 2)
    for order in orders:
        assert sorted(order.tolist()) == list(range(len(values)))
        assert [known[patch] for patch in order] == sorted(known, reverse=True)
    for value in set(known):
        alike = [[patch for patch in order.tolist() if known[patch] == value] for order in orders]
        assert alike[0] == alike[-1][::-1] or len(orders) == 1
    np.testing.assert_array_equal(orders, orders_of(heat, seed=seed))


def test_each_of_the_equal_patches_comes_first_equally_often() -> None:
    heat = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    firsts = np.array([orders_of(heat, seed=seed)[:, 1] for seed in range(2000)])
    shares = np.bincount(firsts[:, 0], minlength=6) / 2000
    np.testing.assert_allclose(shares, [0.2, 0.2, 0, 0.2, 0.2, 0.2], atol=4 * (0.16 / 2000) ** 0.5)


def test_a_constant_map_is_worth_what_chance_is() -> None:
    """In reading order it would gain or lose by where the picture's subject lies."""
    net = Centre(make_small(num_classes=2).config)
    x, flat = torch.zeros(1, 3, 16, 16), np.zeros((4, 4))
    for seed in range(5):
        (found,) = judge_orders(net, x, [orders_of(flat, seed=seed)], target=1)
        assert found.gap == pytest.approx(0, abs=1e-9)
    columns = np.tile([0.0, 1.0, 1.0, 0.0], (4, 1))
    first = [
        judge_orders(net, x, [orders_of(turned, seed=3)], target=1)[0] for turned in (columns, columns[::-1])
    ]
    assert first[0].gap == pytest.approx(first[1].gap) == pytest.approx(0.4, abs=0.01)


def test_the_mean_is_that_over_all_orders() -> None:
    """By the 24 orders of four equal patches among six, tried one by one."""
    net = make_small(img_size=(8, 12))
    x, heat = make_pictures(net.config, 1), np.array([[0.5, 0.1, 0.1], [0.1, 0.9, 0.1]])
    every = [np.array([4, 0, *rest]) for rest in permutations([1, 2, 3, 5])]
    gaps = [one.gap for one in judge_orders(net, x, every, target=2)]
    exact, pairs = float(np.mean(gaps)), [orders_of(heat, seed=seed) for seed in range(200)]
    found = np.array([one.gap for one in judge_orders(net, x, pairs, target=2)])
    assert found.mean() == pytest.approx(exact, abs=4 * found.std() / 200**0.5)
    assert found.std() < 0.75 * np.std(gaps) / 2**0.5  # better than two draws of their own
    assert abs(gaps[0] - exact) > found.std()  # reading order is far off


def test_several_orders_are_judged_by_the_mean_of_their_curves() -> None:
    net = make_small()
    x, orders = make_pictures(net.config, 1), random_orders(16, count=4, seed=0)
    alone = judge_orders(net, x, orders, target=1, steps=5)
    pair, last = judge_orders(net, x, [np.stack(orders[:3]), orders[3]], target=1, steps=5)
    np.testing.assert_allclose(pair.insertion, np.mean([one.insertion for one in alone[:3]], axis=0))
    np.testing.assert_allclose(pair.deletion, np.mean([one.deletion for one in alone[:3]], axis=0))
    assert pair.gap == pytest.approx(np.mean([one.gap for one in alone[:3]]))
    np.testing.assert_allclose(last.insertion, alone[3].insertion, atol=1e-6)


def test_maps_of_a_picture_share_the_draw_and_another_seed_is_another() -> None:
    net = make_small()
    x = make_pictures(net.config, 1)
    trace = class_trace(net, x)
    assert trace.attn_grad is not None
    silent = dataclasses.replace(trace, attn_grad=tuple(torch.zeros_like(grad) for grad in trace.attn_grad))
    first, again, other = (map_orders(net, x, silent, seed=seed) for seed in (1, 1, 2))
    assert len(first["attention-rollout"]) == 1
    for key in ("chefer", "attention-gradcam"):
        assert not explain(silent, key).any()
        np.testing.assert_array_equal(first[key], again[key])
        np.testing.assert_array_equal(first[key], first["chefer"])
        assert (first[key] != other[key]).any()


def test_patches_that_the_selector_found_equal_have_one_rank() -> None:
    trace = make_trace(cuts={1: 8, 3: 3})
    ranks = keep_rank(dataclasses.replace(trace, scores=tuple(torch.zeros(len(s)) for s in trace.scores)))
    assert sorted(np.unique(ranks, return_counts=True)[1].tolist()) == [3, 4, 5]
    first, second = trace.kept
    assert set(np.flatnonzero(ranks == 2).tolist()) == set(second.tolist())
    assert set(np.flatnonzero(ranks >= 1).tolist()) == set(first.tolist())
    assert len(np.unique(keep_rank(trace))) == trace.num_patches


def test_one_patch_has_an_area_too() -> None:
    """A head that takes the mean of the patches cannot do without the only one: there is one point."""
    net = build_model(dataclasses.replace(ViTConfig(), **ONE)).eval()
    x = make_pictures(net.config, 1)
    (found,) = judge_orders(net, x, [np.array([0])], target=1)
    whole = float(net(x)[0].detach().softmax(-1)[1])
    assert found.kept == (1,)
    assert (found.insertion_auc, found.deletion_auc) == (pytest.approx(whole), pytest.approx(whole))
    assert found.gap == 0


ONE: dict[str, Any] = {
    "img_size": 4, "patch_size": 4, "embed_dim": 8, "num_heads": 2, "depth": 2, "num_classes": 3,
    "global_pool": "avg",
}  # fmt: skip
