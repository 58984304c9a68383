"""The endpoints with maps, against the trace of a pass that the test makes itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.api.conftest import Ask
from tests.api.networks import DYNAMIC, LINEAR, PLAIN, load_by_hand, record_by_hand
from tests.maps.traces import expand, fuse_slowly, read_out_slowly, roll_out_slowly
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.faithfulness import class_trace, judge_orders, map_orders, random_orders
from vitdemo.maps import CLASS_METHODS, METHODS, explain


def read_numbers(answer: dict[str, Any]) -> np.ndarray:
    """Return the map, NaN for null."""
    return np.array(answer["values"], dtype=float)


@pytest.mark.parametrize(
    ("model", "ratio", "selector", "options"),
    [
        (DYNAMIC, 0.3, "learned", {}),
        (DYNAMIC, 0.5, "inverted", {"fusion": "max", "discard_ratio": 0.4}),
        (PLAIN, 0.0, "", {"query": 6}),
    ],
)
def test_rollout_is_that_of_the_whole_matrices(
    ask: Ask, models: Path, model: str, ratio: float, selector: str, options: dict[str, Any]
) -> None:
    answer = ask("/attention_map", model=model, pruning_ratio=ratio, selector=selector, **options)
    trace = record_by_hand(models, model, ratio, selector)
    query, row = options.pop("query", None), read_out_slowly(trace)
    if query is not None:
        row = np.eye(17)[query + 1]
    credit = row @ roll_out_slowly(trace, **options)
    np.testing.assert_allclose(read_numbers(answer), credit[1:].reshape(4, 4), atol=1e-6)
    assert answer["prefix_share"] == pytest.approx(credit[0], abs=1e-6)
    assert answer["range"] == pytest.approx([credit[1:].min(), credit[1:].max()], abs=1e-6)
    assert (answer["model"], answer["selector"], answer["pruning_ratio"]) == (model, selector, ratio)
    assert (answer["method"], answer["title"]) == ("attention-rollout", "Attention rollout")
    assert answer["unit"] == "rollout share"
    assert answer["options"] == {"fusion": "mean", "discard_ratio": 0.0, "query": query, **options}


@pytest.mark.parametrize("fusion", ["mean", "min"])
def test_raw_attention_of_fused_heads_after_pruning(ask: Ask, models: Path, fusion: str) -> None:
    answer = ask(
        "/attention_map", model=DYNAMIC, pruning_ratio=0.5, method="raw-attention", layer=2, fusion=fusion
    )
    trace = record_by_hand(models, DYNAMIC, 0.5, "learned")
    credit = read_out_slowly(trace) @ expand(trace, fuse_slowly(trace.attn[2], fusion, 0.0, 1), 2)
    expected = np.full(16, np.nan)
    expected[trace.kept[1].numpy()] = credit[1 + trace.kept[1].numpy()]
    np.testing.assert_allclose(read_numbers(answer), expected.reshape(4, 4), atol=1e-6)
    assert np.isnan(expected).sum() == 12, "the two stages leave 4 patches of 16"
    assert answer["prefix_share"] == pytest.approx(credit[0] / credit.sum(), abs=1e-6)
    assert answer["options"] == {"layer": 2, "head": None, "query": None, "fusion": fusion}
    assert answer["selector"] == "learned"


def test_per_head_rollout_of_a_linear_network_with_registers(ask: Ask, models: Path) -> None:
    given = {"method": "head-rollout", "layer": -2, "head": 1, "query": 5, "discard_ratio": 0.2}
    answer = ask("/attention_map", model=LINEAR, pruning_ratio=0, **given)
    trace = record_by_hand(models, LINEAR, 0.0)
    below = roll_out_slowly(trace, discard_ratio=0.2, stop=2)
    credit = trace.attn[2][1].double().numpy()[3 + 5] @ below
    np.testing.assert_allclose(read_numbers(answer), credit[3:].reshape(4, 4), atol=1e-6)
    assert answer["prefix_share"] == pytest.approx(credit[:3].sum() / credit.sum(), abs=1e-6)
    assert answer["options"] == {
        "layer": 2, "head": 1, "query": 5, "fusion": "mean", "discard_ratio": 0.2,
    }  # fmt: skip
    assert answer["selector"] == "", "nothing was pruned"


@pytest.mark.parametrize("method", list(CLASS_METHODS))
@pytest.mark.parametrize(("model", "ratio", "selector"), [(DYNAMIC, 0.5, "learned"), (LINEAR, 0.0, "")])
def test_class_maps_are_those_of_the_gradients(
    ask: Ask, models: Path, method: str, model: str, ratio: float, selector: str
) -> None:
    answer = ask("/class_map", model=model, pruning_ratio=ratio, class_name="frog", method=method)
    target = CIFAR10_CLASSES.index("frog")
    trace = record_by_hand(models, model, ratio, selector, target=target)
    expected = explain(trace, method)
    np.testing.assert_allclose(read_numbers(answer), expected, rtol=1e-4, atol=1e-7)
    assert answer["range"] == pytest.approx([np.nanmin(expected), np.nanmax(expected)], rel=1e-4)
    assert (answer["class"], answer["unit"]) == ("frog", METHODS[method].unit)


def test_a_class_rather_than_another_is_of_the_difference(ask: Ask, models: Path) -> None:
    answer = ask("/class_map", class_name="frog", against="cat", method="chefer")
    assert (answer["class"], answer["against"]) == ("frog", "cat")
    pair = (CIFAR10_CLASSES.index("frog"), CIFAR10_CLASSES.index("cat"))
    trace = record_by_hand(models, DYNAMIC, 0.3, "learned", target=pair)
    np.testing.assert_allclose(read_numbers(answer), explain(trace, "chefer"), rtol=1e-4, atol=1e-7)
    alone = ask("/class_map", class_name="frog", method="chefer")
    assert alone["against"] == ""
    assert alone["values"] != answer["values"]


def test_without_a_class_the_answer_is_explained(ask: Ask, models: Path) -> None:
    trace = record_by_hand(models, DYNAMIC, 0.3, "learned")
    assert trace.logits is not None
    answer = ask("/class_map", method="chefer")
    assert answer["class"] == CIFAR10_CLASSES[int(trace.logits.argmax())]
    assert np.nansum(read_numbers(answer)) > 0


def test_faithfulness_is_that_of_the_dense_network(ask: Ask, models: Path) -> None:
    answer = ask("/faithfulness", model=DYNAMIC, class_name="cat")
    model, pixels = load_by_hand(models, DYNAMIC)
    target = CIFAR10_CLASSES.index("cat")
    orders = map_orders(model, pixels, class_trace(model, pixels, target=target), seed=0)
    count = answer["random"]["orders"]
    chance = random_orders(16, count=count, seed=0)
    results = judge_orders(model, pixels, [*orders.values(), *chance], target=target)
    known = dict(zip(orders, results, strict=False))
    assert set(answer["methods"]) == {key for key, method in METHODS.items() if not method.needs_removal}
    for key, found in answer["methods"].items():
        judged = known[key]
        np.testing.assert_allclose(found["deletion"], judged.deletion, atol=1e-5)
        np.testing.assert_allclose(found["insertion"], judged.insertion, atol=1e-5)
        areas = [judged.deletion_auc, judged.insertion_auc, judged.gap]
        assert [found[name] for name in ("deletion_auc", "insertion_auc", "gap")] == pytest.approx(areas)
        others = [judged.srg, judged.mif_accuracy, judged.lif_accuracy]
        named = ("srg", "mif_accuracy", "lif_accuracy")
        assert [found[name] for name in named] == pytest.approx(others, abs=1e-5)
    lines = np.array([one.insertion for one in results[len(orders) :]])
    for name, line in (("low", lines.min(0)), ("mean", lines.mean(0)), ("high", lines.max(0))):
        np.testing.assert_allclose(answer["random"][name], line, atol=1e-5)
    assert answer["random"]["auc"] == pytest.approx(
        np.mean([one.insertion_auc for one in results[len(orders) :]])
    )
    assert (answer["class"], answer["patches"], answer["kept"]) == ("cat", 16, list(range(1, 17)))
    gaps = {key: found["gap"] for key, found in answer["methods"].items()}
    assert list(gaps) == sorted(gaps, key=lambda key: -gaps[key])
    assert answer["trusted"] == [key for key, gap in gaps.items() if gap > answer["bar"]]
    best = (
        f"Trust {answer['trusted'][0]} most." if answer["trusted"] else "No map is better than random order."
    )
    assert answer["sentence"] == best
