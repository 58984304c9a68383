"""Maps through merged tokens: by hand, and against the pass over all tokens, those of a group alike."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.nets import VARIANTS, make_pictures, make_small
from vitdemo.maps import METHODS, PatchDropped, explain, explain_inward
from vitdemo.maps.heatmap import query_row
from vitdemo.maps.rollout import push_down
from vitdemo.maps.statistics import attention_distance
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import ClassAttention
from vitdemo.recording import record
from vitdemo.trace import Recorder, Trace

CASES = [
    ("square", "merge"),
    ("mean, no class token", "fuse"),
    ("linear relu, class and mean", "tome"),
    ("attention pooling", "merge"),
]


def test_three_tokens_of_four_by_hand() -> None:
    # Patches 1 and 2 become one between the layers, a quarter and three quarters. Half of A + I, layer 1:
    #   class [.6  .1  .2  .1 ]     merged: 1/4 of the row of 1 + 3/4 of that of 2
    #   1     [.1  .8  .1  0  ]             [.0625 .3125 .5125 .1125]
    #   2     [.05 .15 .65 .15]     layer 2, class row: half of (1.4, .2, .4) = [.7 .1 .2]
    #   3     [.1  0   .2  .7 ]     .7 class + .1 merged + .2 row of 3 = [.44625 .10125 .23125 .22125]
    first = [[0.2, 0.2, 0.4, 0.2], [0.2, 0.6, 0.2, 0.0], [0.1, 0.3, 0.3, 0.3], [0.2, 0.0, 0.4, 0.4]]
    second = [[0.4, 0.2, 0.4], [0.2, 0.4, 0.4], [0.2, 0.2, 0.6]]
    trace = Trace(
        model="written",
        grid=(1, 3),
        num_prefix_tokens=1,
        logits=None,
        attn=(torch.tensor([first]), torch.tensor([second])),
        token_ids=(torch.arange(4), torch.tensor([0, 2, 3])),
        readout=torch.tensor([1.0, 0.0, 0.0]),
        mixes=(None, torch.tensor([[1.0, 0, 0, 0], [0, 0.25, 0.75, 0], [0, 0, 0, 1]])),
    )
    np.testing.assert_allclose(explain(trace, "attention-rollout"), [[0.10125, 0.23125, 0.22125]], rtol=1e-5)
    # Layer 2 alone: the merged token's share is shared out again, a quarter and three quarters.
    np.testing.assert_allclose(explain(trace, "raw-attention"), [[0.05, 0.15, 0.4]], rtol=1e-5)
    np.testing.assert_allclose(explain(trace, "attention-rollout", start_layer=1), [[0.025, 0.075, 0.2]])
    # Both patches ask as the merged token, in layer 2; half of (.2, 1.4, .4).
    expected = 0.1 * np.array([0.1, 0.2, 0.1]) + 0.7 * np.array([0.3125, 0.5125, 0.1125])
    expected += 0.2 * np.array([0.0, 0.2, 0.7])
    for patch in (0, 1):
        np.testing.assert_allclose(explain(trace, "attention-rollout", query=patch), [expected], rtol=1e-5)
    assert trace.holders(1).tolist() == [0, 1, 1, 2]
    assert trace.sizes(1).tolist() == [1, 2, 1]
    gone = replace(trace, mixes=(None, torch.eye(4)[[0, 2, 3]]))
    with pytest.raises(PatchDropped, match="patch 0 was dropped before layer 1"):
        explain(gone, "attention-rollout", query=0)


class Duplicates:
    """The same pass with every token kept: after a stage all tokens of a group are its mean."""

    def __init__(self, name: str, reduction: str) -> None:
        self.net = make_small(**VARIANTS[name])
        x = make_pictures(self.net.config, 1)
        rule = Pruning(None if reduction == "tome" else ClassAttention(), FixedRatio(0.6), reduction)
        self.merged = record(self.net, x, pruning=rule, target=1, grads=True)
        recorder, tokens = Recorder(grads=True), self.net.embed(x.requires_grad_())
        for layer, block in enumerate(self.net.blocks):
            moves = self.moves(layer)
            tokens = tokens if moves is None else moves @ tokens
            tokens = block(tokens, recorder=recorder)
            recorder.features.append(tokens)
        ids = torch.arange(tokens.shape[1])
        recorder.token_ids = [ids[None]] * len(self.net.blocks)
        logits = self.net.classify(tokens)
        sources = [*recorder.attn, recorder.entered[-1]]
        grads = torch.autograd.grad(logits[0, 1], sources, retain_graph=True)
        early = [
            torch.autograd.grad(self.net.classify(read)[0, 1], attn, retain_graph=True)[0]
            for read, attn in zip(recorder.features, recorder.attn, strict=True)
        ]
        self.trace = Trace(
            model="duplicates",
            grid=self.net.config.grid,
            num_prefix_tokens=self.net.config.num_prefix_tokens,
            logits=logits[0].detach(),
            attn=tuple(attn[0].detach() for attn in recorder.attn),
            token_ids=tuple(row[0] for row in recorder.token_ids),
            readout=self.net.readout(tokens)[0].detach(),
            target=1,
            attn_grad=tuple(one[0] for one in grads[:-1]),
            early_grad=tuple(one[0].clamp(min=0).mean(dim=-2) for one in early),
            tokens=recorder.entered[-1][0].detach(),
            token_grad=grads[-1][0],
        )

    @property
    def both(self) -> tuple[Trace, Trace]:
        return self.merged, self.trace

    def moves(self, layer: int) -> Tensor | None:
        """Return how each token is made of those before the layer; those of a group give alike."""
        mix, below = self.merged.mixes[layer], layer - 1
        if mix is None:
            return None
        holders = self.merged.holders(below)
        given = mix[:, self.merged.token_ids[below]] / self.merged.sizes(below)
        return given[self.merged.holders(layer)][:, holders]

    def roll_out(self, matrices: list[Tensor], *, start: int, normed: bool) -> Tensor:
        """Return the readout's row of the product of all layers, bottom up, on full matrices in float64."""
        rollout = torch.eye(len(self.trace.readout), dtype=torch.float64)
        for layer, matrix in enumerate(matrices):
            moves = self.moves(layer)
            if moves is not None:
                rollout = moves.double() @ rollout
            if layer >= start:
                walk = matrix.double() + torch.eye(len(matrix))
                rollout = (walk / walk.sum(dim=1, keepdim=True) if normed else walk) @ rollout
        return self.trace.readout.double() @ rollout

    def draw(self, row: Tensor) -> np.ndarray:
        return row[self.trace.num_prefix_tokens :].reshape(self.trace.grid).numpy()


@cache
def find_case(name: str, reduction: str) -> Duplicates:
    return Duplicates(name, reduction)


@pytest.fixture(params=CASES, ids=lambda case: " ".join(case))
def case(request: pytest.FixtureRequest) -> Duplicates:
    return find_case(*request.param)


def sum_groups(case: Duplicates, heat: np.ndarray, layer: int) -> np.ndarray:
    """Return what the patches of each token of `layer` have together."""
    holders = case.merged.holders(layer)[case.trace.num_prefix_tokens :].numpy()
    return np.bincount(holders, weights=heat.ravel())


def test_maps_of_one_layer_are_those_over_the_duplicates(case: Duplicates) -> None:
    torch.testing.assert_close(case.merged.logits, case.trace.logits, atol=2e-5, rtol=0)
    for key in ("token-gradcam", "legrad"):  # of which each patch has its token's
        np.testing.assert_allclose(explain(case.merged, key), explain(case.trace, key), atol=1e-5, rtol=1e-3)
    shared = [("attention-gradcam", 3, {}), ("raw-attention", 3, {})]
    shared += [("raw-attention", layer, {"layer": layer, "head": 1, "query": 7}) for layer in range(4)]
    for key, layer, options in shared:  # which the patches of a token share
        found, expected = (sum_groups(case, explain(one, key, **options), layer) for one in case.both)
        np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-3)


def test_distances_are_those_over_the_duplicates() -> None:
    case = find_case("square", "merge")
    found, expected = (attention_distance(one, patch_size=(4, 4)) for one in case.both)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("start", [0, 2])
def test_rollouts_are_those_over_the_duplicates(case: Duplicates, start: int) -> None:
    attn = [one.mean(dim=0) for one in case.trace.attn]
    expected = case.draw(case.roll_out(attn, start=start, normed=True))
    found = explain(case.merged, "attention-rollout", start_layer=start)
    np.testing.assert_allclose(found, expected, atol=1e-6, rtol=1e-3)
    assert case.trace.attn_grad is not None
    weighted = [one * grad for one, grad in zip(case.trace.attn, case.trace.attn_grad, strict=True)]
    found = explain(case.merged, "gradient-rollout", start_layer=start)
    fused = [one.mean(dim=0).clamp(min=0) for one in weighted]
    np.testing.assert_allclose(
        found, case.draw(case.roll_out(fused, start=start, normed=True)), atol=1e-6, rtol=1e-3
    )
    fused = [one.clamp(min=0).mean(dim=0) for one in weighted]
    identity = case.roll_out([torch.zeros_like(one) for one in fused], start=start, normed=False)
    expected = case.draw(case.roll_out(fused, start=start, normed=False) - identity)
    np.testing.assert_allclose(
        explain(case.merged, "chefer", start_layer=start), expected, atol=1e-5, rtol=1e-3
    )


def test_every_row_of_a_rollout_sums_to_one(case: Duplicates) -> None:
    trace = case.merged
    rows = torch.eye(trace.num_prefix_tokens + trace.num_patches)[trace.token_ids[-1]]
    rows = push_down(trace, rows, layers=range(4), fusion="mean", discard_ratio=0.0)
    torch.testing.assert_close(rows.sum(-1), torch.ones(len(rows)))
    prefix = trace.num_prefix_tokens
    for key in ("attention-rollout", "head-rollout"):
        for query in (None, 3):
            heat = explain(trace, key, query=query)
            assert np.isfinite(heat).all(), "no patch is gone"
            assert prefix or float(heat.sum()) == pytest.approx(1, abs=1e-4)


def test_the_other_direction_is_the_column_of_the_same_product(case: Duplicates) -> None:
    trace = case.merged
    for key, options in (("attention-rollout", {}), ("head-rollout", {"layer": 2, "head": 1})):
        inward = explain_inward(trace, key, query=5, **options)
        for patch in (0, 9, 15):
            outward = explain(trace, key, query=patch, **options)
            assert inward.flat[patch] == pytest.approx(outward.flat[5], rel=1e-3, abs=1e-7)


def test_patches_of_one_token_have_one_score_and_one_norm(case: Duplicates) -> None:
    trace = case.merged
    if not trace.scores:
        return
    for stage, layer in enumerate(trace.prune_loc):
        heat = explain(trace, "keep-score", stage=stage).ravel()
        holders = trace.holders(layer - 1)[trace.num_prefix_tokens :] if layer else torch.arange(16)
        expected = trace.scores[stage][holders - (trace.num_prefix_tokens if layer else 0)]
        np.testing.assert_array_equal(heat, expected.numpy())


def test_methods_take_a_merged_trace_whole() -> None:
    trace = find_case("square", "merge").merged
    assert len(query_row(trace, 4, layer=3).nonzero()) == 1
    for key, method in METHODS.items():
        asked_for = ("attnlrp", "reslrp", "occlusion")  # by more passes than the one that was recorded
        if key not in asked_for and not method.needs_pruning:
            assert np.isfinite(explain(trace, key)).all(), key
