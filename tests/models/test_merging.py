"""Tokens fused and merged: the pass over what was merged is the pass over all, each group's tokens alike."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo import cost
from vitdemo.models import VisionTransformer
from vitdemo.models.merging import Present, fuse_rest, merge_pairs, merge_rest
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning, Threshold, token_counts
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.models.selectors import ClassAttention, Learned
from vitdemo.recording import record, repeat
from vitdemo.trace import Recorder, Trace

MERGING = [key for key in REDUCTIONS if key != "drop"]


def make_pruning(reduction: str, ratio: float) -> Pruning:
    return Pruning(None if reduction == "tome" else ClassAttention(), FixedRatio(ratio), reduction)


def run_over_duplicates(net: VisionTransformer, x: Tensor, trace: Trace) -> Tensor:
    """Return the logits of the pass that keeps every token: those of a group are set to its mean, no more."""
    tokens, last = net.embed(x), trace.holders(-1)
    ids = torch.arange(tokens.shape[1])
    for layer, block in enumerate(net.blocks):
        mix, holders = trace.mixes[layer], trace.holders(layer)
        if mix is not None:
            tokens = (mix @ tokens[0])[holders][None]
            ids = trace.token_ids[layer][holders]  # where rotary positions put the group
        tokens = block(tokens, angles=net.angles(ids[None]), ids=ids[None])
    assert (last >= 0).all()
    return net.classify(tokens)


@pytest.mark.parametrize("name", VARIANTS)
@torch.no_grad()
def test_a_merged_pass_is_the_pass_over_the_duplicates(name: str) -> None:
    net = make_small(**VARIANTS[name])
    x = make_pictures(net.config, 1)
    ratios = (0.7, 0.4) if name in ("square", "linear") else (0.4,)  # 0.4 takes pairs of pairs
    for reduction, ratio in product(MERGING, ratios):
        pruning = make_pruning(reduction, ratio)
        trace = record(net, x, pruning=pruning)
        stages = len(net.config.prune_loc)
        counts = (net.config.num_patches, *map(len, trace.kept))
        assert counts == token_counts(net.config.num_patches, ratio, stages)
        expected = run_over_duplicates(net, x, trace)
        torch.testing.assert_close(net(x, pruning=pruning), expected, atol=2e-5, rtol=0)
        torch.testing.assert_close(trace.logits, expected[0], atol=2e-5, rtol=0)
        again = Pruning(None, repeat(trace))
        torch.testing.assert_close(net(x, pruning=again), expected, atol=2e-5, rtol=0)
        assert (expected - net(x)).abs().max() > 1e-3
        parts = [len(holders[holders >= 0]) for holders in map(trace.holders, range(net.config.depth))]
        assert parts == [net.config.num_prefix_tokens + net.config.num_patches] * net.config.depth


@pytest.mark.parametrize("name", VARIANTS)
@torch.no_grad()
def test_where_nothing_leaves_the_pass_is_dense_to_the_bit(name: str) -> None:
    net = make_small(**VARIANTS[name])
    x = make_pictures(net.config, 2)
    dense = net(x)
    for reduction in REDUCTIONS:
        assert torch.equal(net(x, pruning=make_pruning(reduction, 1.0)), dense), reduction


@pytest.mark.parametrize("attention", ["softmax", "linear"])
@pytest.mark.parametrize("reduction", MERGING)
@torch.no_grad()
def test_patches_that_are_alike_merge_without_a_trace(reduction: str, attention: str) -> None:
    net = make_small_dynamic(attention=attention, global_pool="token_avg")
    assert net.pos_embed is not None
    net.pos_embed[:, 1:] = 0.0
    x = make_pictures(net.config, 2)[..., :1, :1].expand(-1, -1, 16, 16)
    merged = net(x, pruning=Pruning(Learned(net), FixedRatio(0.5), reduction))
    torch.testing.assert_close(merged, net(x), atol=1e-5, rtol=0)
    assert (net(x, pruning=Pruning(Learned(net), FixedRatio(0.5))) - net(x)).abs().max() > 1e-3


def match_as_the_authors_do(keys: Tensor, sizes: Tensor, prefix: int, leaving: int) -> list[set[int]]:
    """Return the groups of tokens, written out in loops: even positions look among the odd ones."""
    n = len(keys)
    best = []
    for a in range(0, n, 2):
        alike = {b: float(torch.cosine_similarity(keys[a], keys[b], dim=0)) for b in range(1, n, 2)}
        if prefix == 2:
            alike[1] = -math.inf  # nothing joins the distillation token
        partner = max(alike, key=lambda b: alike[b])
        best.append((-math.inf if prefix and a == 0 else alike[partner], a, partner))
    groups = {place: {place} for place in range(n)}
    for _, a, partner in sorted(best, reverse=True)[:leaving]:
        groups[partner] |= groups.pop(a)
    return sorted(groups.values(), key=min)


@pytest.mark.parametrize("options", [{}, {"dist_token": True}, {"class_token": False, "global_pool": "avg"}])
@torch.no_grad()
def test_pairs_are_those_of_the_official_matching(options: dict[str, object]) -> None:
    net = make_small(img_size=(12, 20), **options)
    x, prefix = net.embed(make_pictures(net.config, 2)), net.config.num_prefix_tokens
    n = x.shape[1]
    sizes = torch.cat([torch.ones(2, prefix), torch.randint(1, 5, (2, n - prefix)).float()], dim=1)
    tokens = Present(x, torch.arange(n).expand(2, -1), sizes)
    stage = net.stage(1, tokens.ids)
    d, attn = net.config.embed_dim, net.blocks[1].attn
    for leaving in (1, 4, 7):
        mix, rows = merge_pairs(tokens, n - prefix - leaving, stage)
        for image in range(2):
            heads = net.blocks[1].norm1(x[image]) @ attn.qkv.weight[d : 2 * d].T + attn.qkv.bias[d : 2 * d]  # type: ignore[operator, union-attr, index]
            keys = heads.unflatten(-1, (net.config.num_heads, -1)).mean(dim=1)
            expected = match_as_the_authors_do(keys, sizes[image], prefix, leaving)
            found = [set(row.nonzero()[:, 0].tolist()) for row in mix[image]]
            assert sorted(found, key=min) == expected
            for row, group in zip(mix[image], found, strict=True):
                total = sum(float(sizes[image, place]) for place in group)
                for place in group:
                    assert float(row[place]) == pytest.approx(float(sizes[image, place]) / total)
            assert rows[image].tolist() == sorted(rows[image].tolist())


@torch.no_grad()
def test_the_fused_token_is_the_mean_weighted_by_class_attention() -> None:
    net = make_small(dist_token=True)
    x, recorder = net.embed(make_pictures(net.config, 1)), Recorder()
    net.blocks[2](x, recorder=recorder)
    weights = recorder.attn[0][0].mean(dim=0)[0]  # of the class token
    keep = torch.tensor([[0, 3, 4, 9, 15]])
    tokens = Present(x, torch.arange(x.shape[1])[None])
    mix, rows = fuse_rest(tokens, keep, net.stage(2, tokens.ids))
    rest = [place + 2 for place in range(16) if place not in keep[0].tolist()]
    total = sum(float(weights[place]) for place in rest)
    heaviest = max(rest, key=lambda place: float(weights[place]))
    expected = {row: {row: 1.0} for row in [0, 1, *(keep[0] + 2).tolist()]}
    expected[heaviest] = {place: float(weights[place]) / total for place in rest}
    assert rows[0].tolist() == sorted(expected)
    for row, place in zip(mix[0], sorted(expected), strict=True):
        found = {part: float(row[part]) for part in row.nonzero()[:, 0].tolist()}
        assert found == pytest.approx(expected[place], rel=1e-4)


@torch.no_grad()
def test_each_of_the_rest_joins_the_kept_one_with_the_most_similar_key() -> None:
    net = make_small(attention="linear")
    x = net.embed(make_pictures(net.config, 1))
    tokens, keep = Present(x, torch.arange(17)[None]), torch.tensor([[2, 7, 8]])
    mix, _ = merge_rest(tokens, keep, net.stage(1, tokens.ids))
    keys = net.blocks[1].attn.keys(net.blocks[1].norm1(x))[0]  # type: ignore[operator, union-attr]
    groups = {place: [place] for place in (3, 8, 9)}
    for place in set(range(1, 17)) - set(groups):
        alike = {one: float(torch.cosine_similarity(keys[place], keys[one], dim=0)) for one in groups}
        groups[max(alike, key=lambda one: alike[one])].append(place)
    for row, group in zip(mix[0, 1:], groups.values(), strict=True):
        expected = torch.zeros(17).index_fill(0, torch.tensor(group), 1 / len(group))
        torch.testing.assert_close(row, expected)


@pytest.mark.parametrize("reduction", MERGING)
@torch.no_grad()
def test_merging_knows_each_picture_of_a_batch_and_double_precision(reduction: str) -> None:
    net = make_small_dynamic(img_size=(12, 28))
    x, pruning = make_pictures(net.config, 3), Pruning(Learned(net), FixedRatio(0.5), reduction)
    together = net(x, pruning=pruning)
    torch.testing.assert_close(together, torch.cat([net(one[None], pruning=pruning) for one in x]))
    exact = net.double()(x.double(), pruning=pruning)
    assert exact.dtype == torch.float64
    torch.testing.assert_close(together.double(), exact, atol=1e-4, rtol=0)


@pytest.mark.parametrize("reduction", ["fuse", "merge"])
@torch.no_grad()
def test_a_threshold_merges_what_does_not_pass(reduction: str) -> None:
    net = make_small()
    x = make_pictures(net.config, 1)
    trace = record(net, x, pruning=Pruning(ClassAttention(), Threshold(1.0, log_scores=False), reduction))
    assert len(trace.kept[-1]) < 16
    torch.testing.assert_close(trace.logits, run_over_duplicates(net, x, trace)[0], atol=2e-5, rtol=0)


@pytest.mark.parametrize("reduction", MERGING)
@pytest.mark.parametrize("name", ["linear", "linear, non-square, distilled", "linear relu, class and mean"])
def test_macs_of_merging_are_those_that_torch_counts(name: str, reduction: str) -> None:
    net = make_small(**VARIANTS[name])
    for ratio in (0.8, 0.2):
        selector = None if reduction == "tome" else FirstOnes()
        pruning = Pruning(selector, FixedRatio(ratio), reduction)
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            net(make_pictures(net.config, 1), pruning=pruning)
        found = cost.macs(net.config, keep_ratio=ratio, reduction=reduction)
        assert 2 * found == counter.get_total_flops()
        assert found > cost.macs(net.config, keep_ratio=ratio)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_predictors_count_where_they_are_asked(reduction: str) -> None:
    net = make_small_dynamic(attention="linear")
    pruning = Pruning(None if reduction == "tome" else Learned(net), FixedRatio(0.5), reduction)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(make_pictures(net.config, 1), pruning=pruning)
    assert 2 * cost.macs(net.config, keep_ratio=0.5, reduction=reduction) == counter.get_total_flops()


class FirstOnes:
    """Scores that cost nothing: the first patches are the best."""

    def __call__(self, x: Tensor, policy: Tensor | None, stage: object) -> Tensor:
        return -torch.arange(x.shape[1] - stage.num_prefix_tokens).float()[None]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("selector", "rule", "reduction", "words"),
    [
        (ClassAttention(), FixedRatio(0.5), "melt", "reduction must be one of drop, fuse, merge, tome"),
        (None, FixedRatio(0.5), "merge", "selector must be given"),
        (ClassAttention(), Threshold(1.0), "tome", "'tome' needs FixedRatio or Schedule, got Threshold"),
        (None, Explicit(()), "tome", "'tome' needs FixedRatio or Schedule, got Explicit"),
    ],
)
def test_what_cannot_be_merged(selector: object, rule: object, reduction: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pruning(selector, rule, reduction)  # type: ignore[arg-type]
