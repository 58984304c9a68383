"""Attention rollout and per-head rollout: by hand, and against full matrices in float64."""

import numpy as np
import pytest
import torch

from tests.maps.traces import expand, fuse_slowly, make_trace, read_out_slowly, roll_out_slowly, write_trace
from vitdemo.maps import PatchDropped, explain, explain_heads
from vitdemo.maps.rollout import discard, push_down

CUTS = {1: 8, 3: 3}
TRACES = {
    "dense": make_trace(),
    "pruned": make_trace(cuts=CUTS),
    "pruned at the input": make_trace(cuts={0: 9, 2: 4}),
    "one column": make_trace(grid=(10, 1), cuts=CUTS),
    "mean pool, no prefix": make_trace(prefix=0, cuts=CUTS, pool="mean"),
    "mean pool, class token": make_trace(prefix=1, cuts=CUTS, pool="mean"),
    "distilled": make_trace(prefix=2, cuts=CUTS),
    "registers": make_trace(grid=(2, 5), prefix=5, cuts=CUTS),
}
SETTINGS = [("mean", 0.0), ("max", 0.0), ("min", 0.0), ("mean", 0.6), ("max", 0.9), ("min", 0.35)]


@pytest.fixture(params=list(TRACES.values()), ids=list(TRACES))
def trace(request):
    return request.param


def drop_prefix(trace, row):
    return row[..., trace.num_prefix_tokens :].reshape(*row.shape[:-1], *trace.grid)


def test_three_tokens_by_hand():
    # Layer 1: (A + I) / 2 =           Layer 2, class row: ([0 1/2 1/2] + [1 0 0]) / 2 = [1/2 1/4 1/4]
    #   class [3/4 1/8 1/8]
    #   a     [ 0   1   0 ]            R[class] = 1/2 [3/4 1/8 1/8] + 1/4 [0 1 0] + 1/4 [1/4 0 3/4]
    #   b     [1/4  0  3/4]                     = [7/16 5/16 4/16]
    first = [[[0.5, 0.25, 0.25], [0, 1, 0], [0.5, 0, 0.5]]]
    second = [[[0, 0.5, 0.5], [1, 0, 0], [0, 0, 1]]]
    trace = write_trace(first, second, grid=(1, 2))
    np.testing.assert_allclose(explain(trace, "attention-rollout"), [[5 / 16, 4 / 16]])
    # From a, layer 2: ([1 0 0] + [0 1 0]) / 2, so R[a] = 1/2 [3/4 1/8 1/8] + 1/2 [0 1 0].
    np.testing.assert_allclose(explain(trace, "attention-rollout", query=0), [[9 / 16, 1 / 16]])
    # One head, its layer without the identity: 1/2 [0 1 0] + 1/2 [1/4 0 3/4].
    np.testing.assert_allclose(explain(trace, "head-rollout", head=0), [[4 / 8, 3 / 8]])
    # Starting at layer 2 leaves only its own class row.
    np.testing.assert_allclose(explain(trace, "attention-rollout", start_layer=1), [[1 / 4, 1 / 4]])
    # Mean pooling reads a and b: 1/2 [3/8 9/16 1/16] + 1/2 [1/4 0 3/4].
    pooled = write_trace(first, second, grid=(1, 2), readout=[0, 0.5, 0.5])
    np.testing.assert_allclose(explain(pooled, "attention-rollout"), [[9 / 32, 13 / 32]])


def test_rows_are_normalised_not_columns():
    # Max fusion makes the class row [1 0 1], so rownorm([2 0 1]) = [2/3 0 1/3]. vit-explain divides by
    # the sums of the *other* tokens' rows, (3, 2, 2), and gets [2/3 0 1/2], which sums to 7/6.
    stay = [[0, 1, 0], [0, 0, 1]]
    trace = write_trace([[[1, 0, 0], *stay], [[0, 0, 1], *stay]], grid=(2, 1))
    np.testing.assert_allclose(explain(trace, "attention-rollout", fusion="max"), [[0], [1 / 3]], rtol=1e-6)


@pytest.mark.parametrize(("fusion", "discard_ratio"), SETTINGS)
def test_every_row_sums_to_one(trace, fusion, discard_ratio):
    rows = torch.eye(trace.num_prefix_tokens + trace.num_patches)[trace.token_ids[-1]]
    layers = range(len(trace.attn))
    rows = push_down(trace, rows, layers=layers, fusion=fusion, discard_ratio=discard_ratio)
    torch.testing.assert_close(rows.sum(-1), torch.ones(len(rows)))


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize(("fusion", "discard_ratio"), SETTINGS)
def test_rollout_equals_full_matrices(trace, fusion, discard_ratio, start):
    rollout = roll_out_slowly(trace, fusion=fusion, discard_ratio=discard_ratio, start=start)
    expected = drop_prefix(trace, read_out_slowly(trace) @ rollout)
    options = {"fusion": fusion, "discard_ratio": discard_ratio, "start_layer": start}
    heat = explain(trace, "attention-rollout", **options)
    there = np.isin(np.arange(trace.num_patches), trace.patch_ids(start)).reshape(trace.grid)
    np.testing.assert_array_equal(np.isfinite(heat), there)
    np.testing.assert_allclose(heat[there], expected[there], rtol=1e-4, atol=1e-7)
    patch = int(trace.patch_ids(3)[1])
    heat = explain(trace, "attention-rollout", query=patch, **options)
    row = drop_prefix(trace, rollout[trace.num_prefix_tokens + patch])
    np.testing.assert_allclose(heat[there], row[there], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("fusion", "discard_ratio"), SETTINGS)
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_head_rollout_equals_full_matrices(trace, fusion, discard_ratio, layer):
    options = {"layer": layer, "fusion": fusion, "discard_ratio": discard_ratio}
    below = roll_out_slowly(trace, fusion=fusion, discard_ratio=discard_ratio, stop=layer)
    row = read_out_slowly(trace)
    entered = np.isin(np.arange(trace.num_patches), trace.patch_ids(0)).reshape(trace.grid)
    heads = explain_heads(trace, "head-rollout", **options)
    for head, matrix in enumerate(trace.attn[layer]):
        expected = drop_prefix(trace, row @ expand(trace, matrix.double().numpy(), layer) @ below)
        heat = explain(trace, "head-rollout", head=head, **options)
        np.testing.assert_array_equal(np.isfinite(heat), entered)
        np.testing.assert_allclose(heat[entered], expected[entered], rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(heads[head], heat, rtol=1e-5)
    fused = fuse_slowly(trace.attn[layer], fusion, 0.0, 0)
    expected = drop_prefix(trace, row @ expand(trace, fused, layer) @ below)
    heat = explain(trace, "head-rollout", **options)
    np.testing.assert_allclose(heat[entered], expected[entered], rtol=1e-4, atol=1e-7)


def test_mean_of_heads_is_the_mean_fused_map(trace):
    for layer in range(4):
        heads = explain_heads(trace, "head-rollout", layer=layer)
        np.testing.assert_allclose(heads.mean(0), explain(trace, "head-rollout", layer=layer), rtol=1e-5)


def test_a_patch_pruned_later_keeps_its_credit():
    trace = make_trace(cuts=CUTS)
    gone = np.setdiff1d(np.arange(trace.num_patches), trace.patch_ids(3))
    assert (explain(trace, "attention-rollout").reshape(-1)[gone] > 0).all()


def test_query_of_a_dropped_patch():
    trace = make_trace(cuts=CUTS)
    gone = next(iter(set(trace.patch_ids(2).tolist()) - set(trace.patch_ids(3).tolist())))
    with pytest.raises(PatchDropped, match=f"patch {gone} was dropped before layer 3") as caught:
        explain(trace, "attention-rollout", query=gone)
    assert (caught.value.patch, caught.value.layer) == (gone, 3)
    assert explain(trace, "head-rollout", query=gone, layer=2).sum() > 0


def test_zero_rows_are_no_attention_and_no_nan():
    # Class and a attend to nothing (linear attention with ReLU features), b to the class token.
    trace = write_trace([[[0, 0, 0], [0, 0, 0], [1, 0, 0]]], grid=(1, 2))
    np.testing.assert_array_equal(explain(trace, "head-rollout", head=0), [[0, 0]])
    np.testing.assert_array_equal(explain(trace, "attention-rollout"), [[0, 0]])  # all stays with class
    np.testing.assert_array_equal(explain(trace, "attention-rollout", query=0), [[1, 0]])
    np.testing.assert_array_equal(explain(trace, "attention-rollout", query=1), [[0, 0.5]])


def test_discard_zeroes_the_lowest_and_spares_the_class_column():
    fused = torch.tensor([[0.1, 0.2, 0.7], [0.05, 0.65, 0.3], [0.15, 0.25, 0.6]])
    # int(9 * 0.5) = 4 lowest: .05, .1, .15 stand in the class column and stay, .2 goes.
    expected = torch.tensor([[0.1, 0.0, 0.7], [0.05, 0.65, 0.3], [0.15, 0.25, 0.6]])
    torch.testing.assert_close(discard(fused, 0.5, num_prefix_tokens=1), expected)
    torch.testing.assert_close(discard(fused, 0.5, num_prefix_tokens=0), fused * (fused >= 0.25))
    flat = torch.full((3, 3), 1 / 3)  # no entry is lower than another, so none is singled out
    torch.testing.assert_close(discard(flat, 0.5, num_prefix_tokens=1), flat)
