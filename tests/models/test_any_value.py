"""Any ratio, threshold, grid, policy or list of ids: the right tokens and numbers, or one sentence."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from timm.models.vision_transformer import VisionTransformer as TimmViT
from torch import Tensor

from tests.models.nets import SMALL, list_policies, make_pictures, make_small, make_small_dynamic, shake
from vitdemo.config import PruneConfig
from vitdemo.engine.core.records import MAX_PRUNING_RATIO
from vitdemo.engine.core.setting import to_keep_ratio
from vitdemo.maps import METHODS, explain
from vitdemo.models import DynamicViT, build_model
from vitdemo.models.attention import (
    LEAST_SHARE,
    Attention,
    implicit_matrix,
    linear_attention,
    policy_softmax,
)
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning, Threshold, keep_counts
from vitdemo.models.selectors import Learned
from vitdemo.occlusion import add_occlusion
from vitdemo.recording import add_relevance, record
from vitdemo.trace import Recorder

ODD = [0.0, -0.0, 1.0, 5e-324, 1e-9, 1 - 2**-53, 1 + 2**-52, -1e-9, math.inf, -math.inf, math.nan]
RATIOS = st.sampled_from(ODD) | st.floats(-0.5, 1.5)
NET = make_small_dynamic(img_size=(4, 20))  # one row of five patches


@torch.no_grad()
def compare_masked_and_removed(net: DynamicViT, x: Tensor, rule: FixedRatio | Threshold) -> list[Tensor]:
    """Return the policies under `rule`, after both paths have agreed on them and on the logits."""
    recorder = Recorder(attention=False)
    removed = net(x, pruning=Pruning(Learned(net), rule), recorder=recorder)
    masked = net.forward_masked(x, rule)
    assert all(torch.equal(a, b) for a, b in zip(masked.policies, list_policies(net, recorder), strict=True))
    torch.testing.assert_close(masked.logits, removed, atol=1e-5, rtol=0)
    assert removed.isfinite().all()
    return list(masked.policies)


@settings(max_examples=40)
@given(ratio=RATIOS)
def test_a_keep_ratio_keeps_its_share_or_is_refused(ratio: float) -> None:
    if not 0 < ratio <= 1:
        for refuse in (FixedRatio, lambda value: PruneConfig((1,), value)):
            with pytest.raises(ValueError, match=r"^keep_ratio must be in \(0, 1\]"):
                refuse(ratio)
        return
    exact = [max(1, math.floor(5 * Fraction(ratio) ** stage + Fraction(1, 10**9))) for stage in (1, 2, 3)]
    policies = compare_masked_and_removed(NET, make_pictures(NET.config, 1), FixedRatio(ratio))
    assert [int(policy.sum()) for policy in policies] == exact == list(keep_counts(5, ratio, 3))


@settings(max_examples=40)
@given(ratio=RATIOS)
def test_a_pruning_ratio_is_a_keep_ratio_or_is_refused(ratio: float) -> None:
    if not 0 <= ratio <= MAX_PRUNING_RATIO:
        with pytest.raises(ValueError, match=r"^pruning_ratio must be from 0 to"):
            to_keep_ratio(ratio)
        return
    assert 0 < FixedRatio(to_keep_ratio(ratio)).keep_ratio <= 1
    assert to_keep_ratio(ratio) == pytest.approx(1 - ratio, abs=1e-4)


@settings(max_examples=40)
@given(value=st.sampled_from([*ODD, 1e308]) | st.floats(-1, 4), relative=st.booleans())
def test_a_threshold_keeps_what_passes_or_is_refused(value: float, relative: bool) -> None:
    if not 0 <= value < math.inf:
        with pytest.raises(ValueError, match=r"^threshold must be a number from 0 up"):
            Threshold(value)
        return
    rule = Threshold(value, relative=relative)
    before = torch.ones(1, 5)
    for policy in compare_masked_and_removed(NET, make_pictures(NET.config, 1), rule):
        assert policy.any()
        assert (policy <= before).all()
        before = policy
    if value == 0:
        assert before.all()
    if value > 5:  # the heaviest of five patches is at most five times the mean
        assert before.sum() == 1


@settings(max_examples=12)
@given(
    grid=st.tuples(st.integers(1, 5), st.integers(1, 7)) | st.sampled_from([(1, 1), (1, 40), (40, 1)]),
    patch=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
def test_any_grid_is_timms_network(
    grid: tuple[int, int], patch: tuple[int, int], channels: int, seed: int
) -> None:
    """And its recorded pass, pruned or not, has a map of every kind over the grid."""
    torch.manual_seed(seed)
    size = grid[0] * patch[0], grid[1] * patch[1]
    config = dataclasses.replace(SMALL, img_size=size, patch_size=patch, in_chans=channels, depth=2)
    theirs = shake(
        TimmViT(
            img_size=size, patch_size=patch, in_chans=channels, embed_dim=24, depth=2, num_heads=3,
            num_classes=5, mlp_ratio=2.0, weight_init="skip",
        )
    )  # fmt: skip
    ours = build_model(config).eval()
    ours.load_state_dict(theirs.state_dict())
    x = make_pictures(config, 1)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-4, rtol=0)
    pruned = build_model(dataclasses.replace(config, prune=PruneConfig((0, 1)))).eval()
    assert isinstance(pruned, DynamicViT)
    compare_masked_and_removed(pruned, x, FixedRatio(0.5))
    for rule in (FixedRatio(0.5), Threshold(1.0)):
        trace = record(pruned, x, pruning=Pruning(Learned(pruned), rule), grads=True)
        trace = add_occlusion(add_relevance(trace, pruned, x), pruned, x)
        for key in METHODS:
            assert explain(trace, key).shape == grid


SHARES = st.sampled_from([0.0, 1.0]) | st.floats(0, 1, width=32)
DENORMAL = 1.855949751075004e-40


@settings(max_examples=40)
@given(
    shares=st.lists(SHARES, min_size=1, max_size=6),
    kind=st.sampled_from(["softmax", "elu", "relu"]),
    spread=st.sampled_from([0.1, 3.0, 100.0]),
    seed=st.integers(0, 9999),
)
@example(shares=[0.0, 0.0, DENORMAL], kind="softmax", spread=100.0, seed=0)
@example(shares=[0.0, 0.0, DENORMAL], kind="elu", spread=100.0, seed=2)
def test_any_policy_gives_rows_over_the_kept_keys_and_oneself(
    shares: list[float], kind: str, spread: float, seed: int
) -> None:
    """Nobody kept, one alone, or a share: in 64 bits, entry by entry, and with finite gradients."""
    n = len(shares)
    policy = torch.tensor([shares], requires_grad=True)
    torch.manual_seed(seed)
    q, k, v = (spread * torch.randn(3, 1, 2, n, 4)).unbind(0)
    kept = torch.where(policy > 0, policy.clamp_min(LEAST_SHARE), policy).detach().double()
    counts = torch.maximum(kept[:, None, None, :], torch.eye(n, dtype=torch.float64))
    if kind == "softmax":
        logits = (q @ k.transpose(-2, -1)).requires_grad_()
        found = policy_softmax(logits, policy)
        exact = logits.detach().double()
        exact = (exact - exact.masked_fill(counts == 0, -torch.inf).amax(-1, keepdim=True)).exp() * counts
        exact = torch.where(counts == 0, 0.0, exact)
        applied = found @ v
    else:
        attention = make_small(attention="linear", feature_map=kind).blocks[0].attn  # type: ignore[union-attr]
        assert isinstance(attention, Attention)
        q, k = attention.phi(q), attention.phi(k)
        found, applied = implicit_matrix(q, k, policy=policy), linear_attention(q, k, v, policy=policy)
        exact = q.double() @ k.double().transpose(-2, -1) * counts
    total = exact.sum(-1, keepdim=True)
    exact = torch.where(total == 0, 0.0, exact / total)
    torch.testing.assert_close(found.double(), exact, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(applied.double(), exact @ v.double(), atol=2e-5 * (1 + spread), rtol=1e-3)
    gradient = torch.autograd.grad(applied.sum() + found.square().sum(), policy, allow_unused=True)[0]
    assert gradient is None or gradient.isfinite().all()


@pytest.mark.parametrize("kind", ["softmax", "elu", "relu"])
@pytest.mark.parametrize("tiny", [1e-45, 1.855949751075004e-40, 1.2e-38, 1e-30, 1e-20])
def test_a_key_that_counts_for_next_to_nothing_has_a_finite_gradient(kind: str, tiny: float) -> None:
    """Far above the query's own logit it takes the whole row all the same."""
    policy = torch.tensor([[0.0, 0.0, tiny]], requires_grad=True)
    q, k, v = (100 * torch.randn(3, 1, 2, 3, 4, generator=torch.Generator().manual_seed(0))).unbind(0)
    if kind == "softmax":
        k[:, :, 2] = q[:, :, 0]
        rows = policy_softmax(q @ k.transpose(-2, -1), policy)
        assert rows[0, :, 0, 2].tolist() == [1.0, 1.0]
    else:
        attention = make_small(attention="linear", feature_map=kind).blocks[0].attn  # type: ignore[union-attr]
        assert isinstance(attention, Attention)
        rows = implicit_matrix(attention.phi(q), attention.phi(k), policy=policy)
    gradient = torch.autograd.grad((rows @ v).sum() + rows.square().sum(), policy)[0]
    assert gradient.isfinite().all()


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ([[0, 1], [2, 3]], r"must be \(k,\) or \(3, k\), got \(2, 2\)"),
        (3, r"must be \(k,\) or \(3, k\), got \(\)"),
        ([[[0, 1]]], r"got \(1, 1, 2\)"),
        ([-1, 3], "not present"),
        ([0, 16], "not present"),
        ([2, 1], "ascend"),
    ],
)
@torch.no_grad()
def test_ids_that_name_no_patches_are_refused(ids: Any, words: str) -> None:
    net = make_small()
    pruning = Pruning(None, Explicit((torch.tensor(ids),)))
    with pytest.raises(ValueError, match=f"^Explicit ids .*{words}"):
        net(make_pictures(net.config), pruning=pruning)


@pytest.mark.parametrize("pool", ["token", "avg", "token_avg"])
@pytest.mark.parametrize("place", [0, 1])
def test_no_patch_at_all_only_where_the_head_reads_a_token(pool: str, place: int) -> None:
    net = make_small(global_pool=pool)
    x, nobody = make_pictures(net.config, 1), Explicit((None,) * place + (torch.arange(0),))
    if pool == "token":
        assert record(net, x, pruning=Pruning(None, nobody)).token_ids[-1].tolist() == [0]
        return
    with pytest.raises(ValueError, match=r"^Explicit ids must keep a patch"):
        record(net, x, pruning=Pruning(None, nobody))


def test_ids_for_more_places_than_there_are_and_a_rule_without_scores() -> None:
    net = make_small()
    with pytest.raises(ValueError, match=r"^Explicit ids must be for at most 4 places, got 5"):
        net(make_pictures(net.config), pruning=Pruning(None, Explicit((None,) * 5)))
    for rule in (FixedRatio(0.5), Threshold(0.5)):
        with pytest.raises(ValueError, match=r"^selector must be given for (FixedRatio|Threshold)"):
            Pruning(None, rule)
