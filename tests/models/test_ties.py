"""Equal scores: masking and removing keep the same patches, the first of those that are equal."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.models.nets import list_policies, make_pictures, make_small, make_small_dynamic
from vitdemo.models import DynamicViT
from vitdemo.models.pruning import (
    FixedRatio,
    Pruning,
    Stage,
    Threshold,
    keep_counts,
    passes_threshold,
    passing_ids,
    top_ids,
    top_policy,
)
from vitdemo.models.selectors import Inverted, Learned
from vitdemo.trace import Recorder

FEW = st.integers(-2, 2).map(float)  # scores of which many are equal
RULES: tuple[FixedRatio | Threshold, ...] = (
    FixedRatio(0.7), FixedRatio(0.3), Threshold(1.0), Threshold(2.0), Threshold(0.5, relative=False),
    Threshold(0.51, relative=False),
)  # fmt: skip


def make_undecided(**changes: Any) -> DynamicViT:
    """Return a network whose predictors find every patch worth 1/2."""
    net = make_small_dynamic(**changes)
    for predictor in net.score_predictor:
        torch.nn.init.zeros_(predictor.out_conv[4].weight)  # type: ignore[index, union-attr, arg-type]
        torch.nn.init.zeros_(predictor.out_conv[4].bias)  # type: ignore[index, union-attr, arg-type]
    return net


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(FEW, st.booleans()), min_size=1, max_size=40), data=st.data())
def test_equal_scores_stay_in_their_order(rows: list[tuple[float, bool]], data: st.DataObject) -> None:
    scores = torch.tensor([[score for score, _ in rows]])
    alive = torch.tensor([[float(here) for _, here in rows]])
    present = [place for place, (_, here) in enumerate(rows) if here]
    if not present:
        return
    count = data.draw(st.integers(1, len(present)))
    wanted = sorted(sorted(present, key=lambda place: -rows[place][0])[:count])  # Python's sort is stable
    assert top_policy(scores, alive, count)[0].nonzero().flatten().tolist() == wanted
    chosen = top_ids(scores[:, present], count)[0].tolist()
    assert [present[place] for place in chosen] == wanted


@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(FEW, st.booleans()), min_size=1, max_size=40),
    value=st.sampled_from([0.0, 0.5, 1.0, 1.5, 100.0]),
    relative=st.booleans(),
)
def test_a_threshold_keeps_alike_what_is_masked_and_what_is_removed(
    rows: list[tuple[float, bool]], value: float, relative: bool
) -> None:
    rule = Threshold(value, relative=relative)
    present = [place for place, (_, here) in enumerate(rows) if here]
    if not present:
        return
    scores = torch.tensor([[score for score, _ in rows]]).double()
    alive = torch.tensor([[float(here) for _, here in rows]])
    masked = passes_threshold(scores, rule, alive)[0].nonzero().flatten().tolist()
    removed = passing_ids(scores[:, present], rule)[0].tolist()
    assert masked == [present[place] for place in removed]
    assert rule.value < 100 or masked == [max(present, key=lambda place: rows[place][0])]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize(
    "changes", [{}, {"attention": "linear", "global_pool": "token_avg"}, {"img_size": (32, 48)}], ids=str
)
def test_equal_scores_give_equal_logits_and_equal_sets(
    changes: dict[str, Any], rule: FixedRatio | Threshold
) -> None:
    """In evaluation and in training mode, whatever the picture."""
    net = make_undecided(**changes)
    x, recorder = make_pictures(net.config), Recorder(attention=False)
    for mode in (True, False):
        net.train(mode)
        recorder = Recorder(attention=False)
        pruned = net(x, pruning=Pruning(Learned(net), rule), recorder=recorder)
        masked = net.forward_masked(x, rule)
        assert all(
            torch.equal(a, b) for a, b in zip(masked.policies, list_policies(net, recorder), strict=True)
        )
        torch.testing.assert_close(masked.logits, pruned, atol=1e-5, rtol=0)
    if isinstance(rule, FixedRatio):
        counts = keep_counts(net.config.num_patches, rule.keep_ratio, 3)
        for policy, count in zip(masked.policies, counts, strict=True):
            assert policy[:, :count].all()  # the first ones
            assert not policy[:, count:].any()


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("rule", RULES, ids=str)
@torch.no_grad()
def test_equal_scores_under_autocast(rule: FixedRatio | Threshold, half: torch.dtype) -> None:
    net = make_undecided(img_size=64)
    x, recorder = make_pictures(net.config), Recorder(attention=False)
    exact = net.forward_masked(x, rule).logits
    with torch.autocast("cpu", half):
        pruned = net(x, pruning=Pruning(Learned(net), rule), recorder=recorder)
        masked = net.forward_masked(x, rule)
    assert all(torch.equal(a, b) for a, b in zip(masked.policies, list_policies(net, recorder), strict=True))
    for logits in (pruned, masked.logits):
        torch.testing.assert_close(logits.float(), exact, atol=0.1, rtol=0)


@torch.no_grad()
def test_autocast_keeps_what_single_precision_keeps_at_the_first_stage() -> None:
    """Its candidates have been through one block in half precision: a score near the cut may still change."""
    net = make_small_dynamic(img_size=64)
    x = make_pictures(net.config, 8)
    exact = net.forward_masked(x, FixedRatio(0.5)).policies[0]
    recorder = Recorder(attention=False)
    with torch.autocast("cpu", torch.bfloat16):
        net(x, pruning=Pruning(Learned(net), FixedRatio(0.5)), recorder=recorder)
        masked = net.forward_masked(x, FixedRatio(0.5)).policies[0]
    assert torch.equal(masked, list_policies(net, recorder)[0])
    assert (masked != exact).float().mean() < 0.05


@torch.no_grad()
def test_any_selectors_equal_scores_keep_the_first_patches() -> None:
    def alike(x: Tensor, policy: Tensor | None, stage: Stage) -> Tensor:
        return torch.zeros(len(x), x.shape[1] - stage.num_prefix_tokens)

    net = make_small(img_size=64)
    for selector in (alike, Inverted(alike)):
        recorder = Recorder(attention=False)
        net(make_pictures(net.config, 2), pruning=Pruning(selector, FixedRatio(0.5)), recorder=recorder)
        assert [ids[0].tolist() for ids in recorder.token_ids] == [
            list(range(1 + n)) for n in (256, 128, 64, 32)
        ]
