"""Stages of one's own: counts and text by hand, masked = pruned, and traces that tell where they stood."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tests.models.nets import SMALL, make_pictures, make_small, make_small_dynamic
from vitdemo import cost
from vitdemo.config import PruneConfig
from vitdemo.maps import explain
from vitdemo.maps.rollout import push_down
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning, keep_counts
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.models.schedule import Schedule, parse_schedule
from vitdemo.models.selectors import ClassAttention, Learned, list_selectors, prune_by
from vitdemo.occlusion import add_occlusion
from vitdemo.recording import add_relevance, record, record_pruned, repeat
from vitdemo.trace import Recorder, Trace

ELSEWHERE = Schedule((0, 2), (0.75, 0.5))  # 16 -> 12 -> 6; no predictor stands before the first block


def run_masked(net: VisionTransformer, x: Tensor, policies: dict[int, Tensor]) -> Tensor:
    """Return the logits of a pass in which no token leaves: from each layer on its policy masks some."""
    tokens, policy, prefix = net.embed(x), torch.ones(len(x), net.config.num_patches), torch.ones(len(x), 1)
    for layer, block in enumerate(net.blocks):
        policy = policies.get(layer, policy)
        tokens = block(tokens, policy=torch.cat([prefix, policy], dim=1))
    return net.classify(tokens, policy=policy)


def mask(trace: Trace, *, without: int = -1) -> dict[int, Tensor]:
    """Return 1 for each patch that a stage of `trace` kept, by layer, except one that is never there."""
    layers = sorted({0, *trace.prune_loc})
    found = {layer: torch.zeros(1, trace.num_patches) for layer in layers}
    for layer, policy in found.items():
        policy[0, [patch for patch in trace.patch_ids(layer).tolist() if patch != without]] = 1.0
    return found


def test_counts_by_hand() -> None:
    assert Schedule((0, 2, 3), (0.75, 0.5, 1.0)).count_left(16) == (12, 6, 6)
    assert Schedule((1, 3), (0.1, 0.01)).count_left(16) == (1, 1)
    for n, percent in product((16, 64, 196, 197), range(10, 101, 5)):
        thrice = Schedule((3, 6, 9), (percent / 100,) * 3)
        assert thrice.count_left(n) == keep_counts(n, percent / 100, 3)
    assert Schedule((3, 6), (0.9, 0.4)).mean_ratio == pytest.approx(0.6)


@pytest.mark.parametrize("text", ["3:0.7, 6:0.7, 9:0.5", "0:1.0", "11:0.05", "1:1e-05"])
def test_text_and_back(text: str) -> None:
    assert str(parse_schedule(text, depth=12)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"written as layer:share kept, such as 3:0\.7, 6:0\.5, got ''"),
        ("3", "written as layer:share kept"),
        ("3:0.5,", "written as layer:share kept"),
        ("3:0.5:6", "written as layer:share kept"),
        ("3.5:0.5", "written as layer:share kept"),
        ("3:half", "got '3:half'"),
        ("9" * 5000 + ":0.5", "written as layer:share kept"),
        ("12:0.5", "must name layers from 0 to 11, got 12"),
        ("-1:0.5", "must name layers from 0 to 11, got -1"),
        ("6:0.5, 3:0.5", "ascending order, got 3 after 6"),
        ("6:0.5, 6:0.5", "each layer once, in ascending order, got 6 after 6"),
        ("3:0", "above 0 and up to 1, got 0"),
        ("3:1.1", r"above 0 and up to 1, got 1\.1"),
        ("3:nan", "above 0 and up to 1, got nan"),
        (", ".join(f"{layer}:1" for layer in range(13)), "from 0 to 11, got 12"),
    ],
)
def test_a_wrong_text_is_told_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        parse_schedule(text, depth=12)
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize("reduction", REDUCTIONS)
@torch.no_grad()
def test_at_the_networks_own_stages_it_is_the_ratio(reduction: str) -> None:
    net = make_small_dynamic()
    x = make_pictures(net.config)
    same = Schedule(net.config.prune_loc, (0.6,) * 3)
    for name in list_selectors(net.config):
        usual, own = (prune_by(name, keep, model=net, pixels=x, reduction=reduction) for keep in (0.6, same))
        assert torch.equal(net(x, pruning=usual), net(x, pruning=own)), name
    assert torch.equal(net.forward_masked(x, FixedRatio(0.6)).logits, net.forward_masked(x, same).logits)


@pytest.mark.parametrize("global_pool", ["token", "avg"])
@pytest.mark.parametrize("attention", ["softmax", "linear"])
@torch.no_grad()
def test_masked_is_pruned_at_any_layers(attention: str, global_pool: str) -> None:
    net = make_small_dynamic(attention=attention, global_pool=global_pool)
    x = make_pictures(net.config)
    some = Schedule((1, 3), (0.8, 0.5))  # two of the three predictors
    recorder = Recorder(attention=False)
    pruned = net(x, pruning=Pruning(Learned(net), some), recorder=recorder)
    masked = net.forward_masked(x, some)
    torch.testing.assert_close(masked.logits, pruned, atol=1e-5, rtol=0)
    assert [int(policy[0].sum()) for policy in masked.policies] == [12, 6]
    assert recorder.stages == [1, 3]
    _, trace = record_pruned(net, x[:1], Pruning(ClassAttention(), ELSEWHERE))
    assert [len(ids) - 1 for ids in trace.token_ids] == [12, 12, 6, 6]
    torch.testing.assert_close(run_masked(net, x[:1], mask(trace))[0], trace.logits, atol=1e-5, rtol=0)
    assert (net(x[:1])[0] - trace.logits).abs().max() > 1e-3


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_trace_tells_its_own_stages_to_every_map(reduction: str) -> None:
    net = make_small_dynamic()
    x = make_pictures(net.config, 1)
    pruning = prune_by("class-attention", ELSEWHERE, model=net, pixels=x, reduction=reduction)
    trace = record(net, x, pruning=pruning, target=1, grads=True)
    assert trace.prune_loc == ELSEWHERE.prune_loc
    assert tuple(map(len, trace.kept)) == (12, 6)
    rows = torch.eye(1 + trace.num_patches)[trace.token_ids[-1]]
    rows = push_down(trace, rows, layers=range(4), fusion="mean", discard_ratio=0.0)
    torch.testing.assert_close(rows.sum(dim=-1), torch.ones(len(rows)), atol=1e-5, rtol=0)
    if trace.scores:
        assert np.isfinite(explain(trace, "keep-score", stage=1)).sum() == len(trace.held_patches(1))
    with torch.no_grad():
        again = net(x, pruning=Pruning(None, repeat(trace)))[0]
    torch.testing.assert_close(again, trace.logits, atol=1e-5, rtol=0)
    relevance = add_relevance(trace, net, x).relevance
    assert relevance is not None
    assert [len(layer) for layer in relevance] == [len(ids) for ids in trace.token_ids]


@torch.no_grad()
def test_occlusion_removes_patches_from_the_stages_of_the_trace() -> None:
    net = make_small(global_pool="avg")
    x = make_pictures(net.config, 1)
    with torch.enable_grad():
        trace = record(net, x, pruning=Pruning(ClassAttention(), ELSEWHERE), target=1, grads=True)
    assert trace.logits is not None
    falls = explain(add_occlusion(trace, net, x), "occlusion").ravel()
    for patch in (int(trace.kept[1][0]), int(trace.kept[0][-1]), 0):
        alone = run_masked(net, x, mask(trace, without=patch))[0]
        assert falls[patch] == pytest.approx(float(trace.logits[1] - alone[1]), abs=1e-5)


def test_no_predictor_no_learned_stage() -> None:
    net = make_small_dynamic()
    x = make_pictures(net.config)
    with pytest.raises(ValueError, match="stand before layers 1, 2, 3, none before layer 0"):
        net(x, pruning=Pruning(Learned(net), ELSEWHERE))
    with pytest.raises(ValueError, match="none before layer 0"):
        net.forward_masked(x, ELSEWHERE)
    with pytest.raises(ValueError, match="from 0 to 3, got 4"):
        net(x, pruning=Pruning(ClassAttention(), Schedule((2, 4), (0.5, 0.5))))
    assert list_selectors(net.config, (1, 3)) == list_selectors(net.config)
    assert list_selectors(net.config, ELSEWHERE.prune_loc) == ("class-attention", "random")
    assert list_selectors(SMALL, ELSEWHERE.prune_loc) == ("class-attention", "random", "inverted")


def test_explicit_ids_may_stand_anywhere() -> None:
    net = make_small()
    x = make_pictures(net.config, 1)
    ids = torch.arange(0, 16, 3)
    with torch.no_grad():
        pruned = net(x, pruning=Pruning(None, Explicit((None, ids), prune_loc=(3,))))
        masked = run_masked(net, x, {3: torch.zeros(1, 16).index_fill(1, ids, 1.0)})
    torch.testing.assert_close(pruned, masked, atol=1e-5, rtol=0)


def test_macs_by_hand_and_by_torch() -> None:
    """A block is n (4 d d + 2 d hidden) + 2 n n d; only where a predictor stands its layers are counted."""
    plain = 16 * 48 * 24 + 24 * 5
    blocks = sum(n * (4 * 24 * 24 + 2 * 24 * 48) + 2 * n * n * 24 for n in (13, 13, 7, 7))
    assert cost.macs(SMALL, tokens=(16, 12, 6), prune_loc=(0, 2)) == plain + blocks == 223_800
    dynamic = make_small_dynamic()
    predictor = 24 * 24 + 24 * 12 + 12 * 6 + 6 * 2
    assert cost.macs(dynamic.config, tokens=(16, 12, 6), prune_loc=(0, 2)) == 223_800 + 12 * predictor
    x, some = make_pictures(SMALL, 1), Schedule((1, 3), (0.8, 0.5))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        dynamic(x, pruning=Pruning(Learned(dynamic), some), recorder=Recorder())
    tokens = (16, *some.count_left(16))
    assert 2 * cost.macs(dynamic.config, tokens=tokens, prune_loc=(1, 3)) == counter.get_total_flops()
    own = cost.macs(dynamic.config, keep_ratio=0.5)
    assert cost.macs(dynamic.config, tokens=(16, 8, 4, 2), prune_loc=(1, 2, 3)) == own
    assert dynamic.config.prune == PruneConfig((1, 2, 3))
