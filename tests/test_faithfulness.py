"""Deletion and insertion: worked by hand, against tokens taken out one set at a time, and with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.maps.traces import make_trace
from tests.models.nets import make_pictures, make_small, make_small_dynamic
from vitdemo.faithfulness import (
    class_trace,
    curves,
    judge_orders,
    kept_counts,
    map_orders,
    orders_of,
    random_orders,
)
from vitdemo.faithfulness.orders import keep_rank
from vitdemo.faithfulness.study import estimate_interval, make_row
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Explicit

NETS: dict[str, dict[str, Any]] = {
    "class token": {},
    "linear, non-square, distilled": {"attention": "linear", "img_size": (12, 28), "dist_token": True},
    "registers": {"reg_tokens": 2, "no_embed_class": True},
    "mean, no class token": {"global_pool": "avg", "class_token": False},
    "class and mean": {"global_pool": "token_avg"},
}


class OnePatch(VisionTransformer):
    """Gives class 1 a probability of 0.9 where patch 2 is present, else 0.1."""

    def forward(self, x: Any, *, pruning: Any = None, recorder: Any = None) -> Tensor:
        assert isinstance(pruning.rule, Explicit)
        (ids,) = pruning.rule.ids
        sure = torch.where((ids == 2).any(1), 0.9, 0.1)
        return torch.stack([1 - sure, sure], dim=1).log()


def test_areas_by_hand() -> None:
    net = OnePatch(make_small(img_size=8, num_classes=2).config)
    knows, misled = judge_orders(
        net, torch.zeros(1, 3, 8, 8), [np.array([2, 0, 1, 3]), np.array([3, 1, 0, 2])], target=1, steps=4
    )
    assert knows.kept == (0, 1, 2, 3, 4)
    np.testing.assert_allclose(knows.insertion, [0.1, 0.9, 0.9, 0.9, 0.9], rtol=1e-6)
    np.testing.assert_allclose(knows.deletion, [0.1, 0.1, 0.1, 0.1, 0.9], rtol=1e-6)
    # Four trapezoids of width 1/4: (0.5 + 0.9 + 0.9 + 0.9) / 4 and (0.1 + 0.1 + 0.1 + 0.5) / 4.
    assert (knows.insertion_auc, knows.deletion_auc) == (pytest.approx(0.8), pytest.approx(0.2))
    assert knows.gap == pytest.approx(0.6)
    assert misled.gap == pytest.approx(-0.6)  # the reverse order
    # The logits are log 0.1 and log 0.9: their curves have three trapezoids at one of them, one between.
    assert knows.srg == pytest.approx(0.75 * (np.log(0.9) - np.log(0.1)))
    assert misled.srg == pytest.approx(-knows.srg)
    # Class 1 is the answer where patch 2 is: with 1 to 4 shown, and as long as nothing is removed.
    assert (knows.lif_accuracy, knows.mif_accuracy) == (pytest.approx(3.5 / 4), pytest.approx(0.5 / 4))
    assert (misled.lif_accuracy, misled.mif_accuracy) == (pytest.approx(0.5 / 4), pytest.approx(3.5 / 4))


@torch.no_grad()
def judge_one_at_a_time(net: VisionTransformer, x: Tensor, patches: np.ndarray, target: int) -> float:
    """Return the probability with these patches alone: tokens sliced out after the embedding, one picture."""
    prefix = net.config.num_prefix_tokens
    rows = [*range(prefix), *sorted(int(patch) + prefix for patch in patches)]
    tokens = net.embed(x)[:, rows]
    for block in net.blocks:
        tokens = block(tokens)
    return float(net.classify(tokens)[0].softmax(-1)[target])


@pytest.mark.parametrize("name", NETS)
def test_curves_equal_tokens_taken_out_one_set_at_a_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = make_small(**NETS[name])
    x, n = make_pictures(net.config, 1), net.config.num_patches
    orders = random_orders(n, count=3, seed=4)
    results = judge_orders(net, x, orders, target=2, steps=5)
    lowest = 1 if "mean" in name else 0  # a mean of no patch is no number
    assert results[0].kept == kept_counts(net.config, steps=5)
    assert (results[0].kept[0], results[0].kept[-1], len(results[0].kept)) == (lowest, n, 6)
    for order, result in zip(orders, results, strict=True):
        shown = [judge_one_at_a_time(net, x, order[:count], 2) for count in result.kept]
        left = [judge_one_at_a_time(net, x, order[n - count :], 2) for count in result.kept]
        np.testing.assert_allclose(result.insertion, shown, atol=1e-5)
        np.testing.assert_allclose(result.deletion, left, atol=1e-5)
    monkeypatch.setattr(curves, "TOKENS", 20)  # a few rows at a time: the same curves
    for whole, parts in zip(results, judge_orders(net, x, orders, target=2, steps=5), strict=True):
        np.testing.assert_allclose(parts.insertion, whole.insertion, atol=1e-6)


def test_sets_that_orders_share_run_once_and_progress_reaches_the_end() -> None:
    net = make_small()
    batches: list[int] = []
    embedded: list[int] = []
    net.blocks[0].register_forward_pre_hook(lambda module, inputs: batches.append(len(inputs[0])))
    net.patch_embed.register_forward_pre_hook(lambda module, inputs: embedded.append(len(inputs[0])))
    told: list[float] = []
    orders = random_orders(16, count=4, seed=0)
    judge_orders(
        net, make_pictures(net.config, 1), [*orders, orders[0]], target=0, steps=4, progress=told.append
    )
    # None and all are one set each; between them a pair of reversed orders has two sets, for both curves.
    assert batches == [1, 4, 4, 4, 1]
    assert embedded == [1] * 5  # the picture, not each of its sets
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_counts_are_tried_once_each() -> None:
    assert kept_counts(make_small(img_size=8).config, steps=16) == (0, 1, 2, 3, 4)
    assert kept_counts(make_small().config, steps=(0, 0.0625, 0.25, 0.26, 1)) == (0, 1, 4, 16)
    assert kept_counts(make_small(img_size=8, global_pool="avg").config, steps=3) == (1, 2, 3, 4)


def test_random_orders_are_reversed_pairs() -> None:
    orders = random_orders(9, count=5, seed=3)
    assert len(orders) == 5
    for order in orders:
        assert sorted(order.tolist()) == list(range(9))
    assert orders[1].tolist() == orders[0][::-1].tolist()
    assert orders[2].tolist() not in (orders[0].tolist(), orders[1].tolist())
    assert [order.tolist() for order in random_orders(9, count=5, seed=3)] == [o.tolist() for o in orders]
    net = make_small()
    results = judge_orders(net, make_pictures(net.config, 1), random_orders(16, count=4, seed=1), target=0)
    assert sum(result.gap for result in results) == pytest.approx(0, abs=1e-9)
    assert max(result.gap for result in results) > 0


def test_orders_of_maps() -> None:
    assert orders_of(np.array([[0.1, np.nan], [0.7, 0.2]]), seed=0).tolist() == [[2, 3, 0, 1]]
    # The second stage keeps three of the eight that the first kept.
    trace = make_trace(cuts={1: 8, 3: 3})
    order, (first, second) = orders_of(keep_rank(trace), seed=0)[0], trace.kept
    last = trace.scores[1]
    assert order[:3].tolist() == sorted(
        second.tolist(), key=lambda patch: -float(last[first.tolist().index(patch)])
    )
    assert set(order[:8].tolist()) == set(first.tolist())
    dropped = trace.scores[0][order[8:].copy()]
    assert (dropped.diff() <= 0).all()


@pytest.mark.parametrize(("net", "keep_score"), [(make_small_dynamic(), True), (make_small(), False)])
def test_every_map_takes_part(net: VisionTransformer, keep_score: bool) -> None:
    x = make_pictures(net.config, 1)
    trace = class_trace(net, x)
    assert trace.logits is not None
    assert trace.target == int(trace.logits.argmax())
    orders = map_orders(net, x, trace, seed=0)
    assert ("keep-score" in orders) == keep_score
    assert {"chefer", "attention-rollout", "gradient-rollout", "token-gradcam"} < set(orders)
    for order in np.concatenate(list(orders.values())):
        assert sorted(order.tolist()) == list(range(16))


def test_the_bootstrap_agrees_with_the_normal_distribution() -> None:
    values = np.random.default_rng(1).exponential(size=900)
    found, width = estimate_interval(values), 1.96 * values.std(ddof=1) / 30
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - width, abs=0.1 * width)
    assert found.high == pytest.approx(values.mean() + width, abs=0.1 * width)


@pytest.mark.parametrize(
    ("better", "finding"),
    [(0.1, "better than random"), (-0.1, "worse than random"), (0.0, "no better than random")],
)
def test_differences_are_paired(better: float, finding: str) -> None:
    """Pictures differ far more than the map does from chance; only pairing can show it."""
    draw = np.random.default_rng(0)
    chance = np.repeat(draw.uniform(0.1, 0.9, size=(40, 1)), 5, axis=1)
    noise = 0.01 * draw.standard_normal((40, 5))
    own = chance + np.array([-better, better, 1.0, 2.0, 3.0]) + noise - noise.mean(0)
    found = make_row("chefer", own, chance)
    assert found.finding == finding
    assert found.deletion_gain.mean == pytest.approx(better)
    assert found.insertion_gain.mean == pytest.approx(better)
    assert found.gain.mean == pytest.approx(2 * better)
    assert found.gain.high - found.gain.low < 0.02
    others = (found.srg, found.mif_accuracy, found.lif_accuracy)
    assert [one.mean for one in others] == pytest.approx(own[:, 2:].mean(0).tolist())
    assert found.deletion.mean == pytest.approx(own[:, 0].mean())


@pytest.mark.parametrize(("changes", "strata"), [({}, 1), ({}, 5), ({"global_pool": "avg"}, 2)])
def test_few_drawn_points_are_right_on_average(changes: dict[str, Any], strata: int) -> None:
    """Of a curve that bends and jumps, against its trapezoids at every number of patches."""
    config = make_small(**changes).config
    every = curves.even_points(config, steps=config.num_patches)
    curve = np.where(np.arange(17) < 6, 0.1, 0.9) + np.sqrt(np.arange(17))
    exact = np.trapezoid(curve[list(every.kept)], every.kept) / (every.kept[-1] - every.kept[0])
    assert np.dot(every.weights, curve[list(every.kept)]) == pytest.approx(exact)
    drawn = [curves.draw_points(config, strata=strata, seed=seed) for seed in range(1000)]
    found = np.array([np.dot(points.weights, curve[list(points.kept)]) for points in drawn])
    assert found.mean() == pytest.approx(exact, abs=4 * found.std() / 1000**0.5)
    assert all(sum(points.weights) == pytest.approx(1) for points in drawn[:9])
