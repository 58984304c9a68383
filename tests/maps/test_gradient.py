"""Maps of a class: by hand, against full matrices in float64, and in their published form."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.maps.traces import expand, make_trace, read_out_slowly, write_trace
from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo.maps import CLASS_METHODS, METHODS, explain
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.trace import Trace

CUTS = {1: 8, 3: 3}
TRACES = {
    "dense": make_trace(graded=True),
    "pruned": make_trace(cuts=CUTS, graded=True),
    "pruned at the input": make_trace(cuts={0: 9, 2: 4}, graded=True),
    "mean pool, no prefix": make_trace(prefix=0, cuts=CUTS, pool="mean", graded=True),
    "mean pool, class token": make_trace(cuts=CUTS, pool="mean", graded=True),
    "class and distillation token": make_trace(prefix=2, cuts=CUTS, graded=True),
    "registers": make_trace(grid=(2, 5), prefix=5, cuts=CUTS, graded=True),
}
OF_A_CLASS = list(CLASS_METHODS)


@pytest.fixture(params=list(TRACES), ids=list(TRACES))
def trace(request: pytest.FixtureRequest) -> Trace:
    made = TRACES[request.param]
    if request.param == "class and distillation token":
        readout = torch.zeros_like(made.readout)
        readout[:2] = 0.5
        made = dataclasses.replace(made, readout=readout)
    return made


def add_gradients(trace: Trace, *gradients: list) -> Trace:
    attn_grad = tuple(
        torch.tensor(g, dtype=torch.float32).reshape(a.shape)
        for g, a in zip(gradients, trace.attn, strict=True)
    )
    tokens = torch.zeros(len(trace.readout), 1)
    return dataclasses.replace(
        trace,
        logits=torch.zeros(2),
        target=1,
        attn_grad=attn_grad,
        early_grad=tuple(gradient.clamp(min=0).mean(1) for gradient in attn_grad),
        tokens=tokens,
        token_grad=tokens,
    )


def test_two_layers_by_hand() -> None:
    # Tokens: class, a, b. One head. A * dA, relu:
    #   layer 1: class [0 0 0]   a [0 0 1/2]   b [0 1/4 0]       layer 2: class [0 1/2 1/4], others 0
    first = [[[0.5, 0.25, 0.25], [0, 0.5, 0.5], [0.5, 0.25, 0.25]]]
    second = [[[0.25, 0.5, 0.25], [1, 0, 0], [0, 0, 1]]]
    of_first = [[[-1, 0, -4], [3, -1, 1], [-1, 1, 0]]]
    of_second = [[[0, 1, 1], [0, 0, 0], [0, 0, 0]]]
    trace = add_gradients(write_trace(first, second, grid=(1, 2)), of_first, of_second)
    # Chefer: R1 = I + B1. Class row of R2 = R1[class] + B2[class] R1
    #   = [1 0 0] + 1/2 [0 1 1/2] + 1/4 [0 1/4 1] = [1 9/16 1/2]
    np.testing.assert_allclose(explain(trace, "chefer"), [[9 / 16, 1 / 2]])
    np.testing.assert_allclose(explain(trace, "chefer", start_layer=1), [[1 / 2, 1 / 4]])
    # Rollout: class row of layer 2 is [1 1/2 1/4] / (7/4) = [4/7 2/7 1/7]; layer 1's rows are class [1 0 0],
    #   a [0 1 1/2] / (3/2) = [0 2/3 1/3], b [0 1/4 1] / (5/4) = [0 1/5 4/5]
    #   2/7 a + 1/7 b = [. 4/21 + 1/35, 2/21 + 4/35]
    np.testing.assert_allclose(
        explain(trace, "gradient-rollout"), [[4 / 21 + 1 / 35, 2 / 21 + 4 / 35]], rtol=1e-6
    )
    # Attention Grad-CAM: the class row's gradient has mean 1 over the patches, times [1/2 1/4].
    np.testing.assert_allclose(explain(trace, "attention-gradcam"), [[1 / 2, 1 / 4]])
    # With the layers' gradients exchanged, as in vit-explain's issue 6, the maps are others.
    assert trace.attn_grad is not None
    swapped = dataclasses.replace(trace, attn_grad=trace.attn_grad[::-1])
    for key in ("chefer", "gradient-rollout", "attention-gradcam"):
        assert np.abs(explain(swapped, key) - explain(trace, key)).max() > 0.05


def weight_slowly(trace: Trace, layer: int) -> np.ndarray:
    assert trace.attn_grad is not None
    return trace.attn[layer].double().numpy() * trace.attn_grad[layer].double().numpy()


def roll_out_chefer(trace: Trace, start: int) -> np.ndarray:
    """Bottom up, with the rows of R selected at each cut, as it is written."""
    relevance = np.eye(trace.num_prefix_tokens + trace.num_patches)[trace.token_ids[start]]
    previous = trace.token_ids[start].tolist()
    for layer in range(start, len(trace.attn)):
        ids = trace.token_ids[layer].tolist()
        relevance = relevance[[previous.index(token) for token in ids]]
        relevance = relevance + np.maximum(weight_slowly(trace, layer), 0).mean(0) @ relevance
        previous = ids
    row = trace.readout.double().numpy() @ relevance
    return row - read_out_slowly(trace)


def roll_out_gradients(trace: Trace, start: int) -> np.ndarray:
    rollout = np.eye(trace.num_prefix_tokens + trace.num_patches)
    for layer in range(start, len(trace.attn)):
        walk = np.maximum(weight_slowly(trace, layer).mean(0), 0) + np.eye(len(trace.token_ids[layer]))
        rollout = expand(trace, walk / walk.sum(1, keepdims=True), layer) @ rollout
    return read_out_slowly(trace) @ rollout


@pytest.mark.parametrize("start", [0, 2])
@pytest.mark.parametrize(
    ("key", "slow"), [("chefer", roll_out_chefer), ("gradient-rollout", roll_out_gradients)]
)
def test_layer_by_layer_equals_full_matrices(
    trace: Trace, key: str, slow: Callable[[Trace, int], np.ndarray], start: int
) -> None:
    expected = slow(trace, start)[trace.num_prefix_tokens :]
    there = trace.patch_ids(start)
    heat = explain(trace, key, start_layer=start).reshape(-1)
    assert np.flatnonzero(np.isfinite(heat)).tolist() == there.tolist()
    np.testing.assert_allclose(heat[there], expected[there], rtol=1e-4, atol=1e-6)


def test_both_grad_cams_equal_sums_written_out(trace: Trace) -> None:
    assert trace.attn_grad is not None
    assert trace.tokens is not None
    assert trace.token_grad is not None
    attn, grad = trace.attn[-1].double().numpy(), trace.attn_grad[-1].double().numpy()
    tokens, token_grad = trace.tokens.double().numpy(), trace.token_grad.double().numpy()
    prefix, (heads, n, _) = trace.num_prefix_tokens, attn.shape
    by_attention, by_token = np.full(trace.num_patches, np.nan), np.full(trace.num_patches, np.nan)
    for place, patch in enumerate(trace.patch_ids(-1).tolist(), start=prefix):
        total = sum(grad[h, i, prefix:].mean() * attn[h, i, place] for h in range(heads) for i in range(n))
        by_attention[patch] = max(total, 0)
        total = sum(token_grad[prefix:, k].mean() * tokens[place, k] for k in range(tokens.shape[1]))
        by_token[patch] = max(total, 0)
    np.testing.assert_allclose(explain(trace, "attention-gradcam").reshape(-1), by_attention, atol=1e-5)
    np.testing.assert_allclose(explain(trace, "token-gradcam").reshape(-1), by_token, atol=1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_attention_grad_cam_of_a_network_reads_what_its_head_reads(name: str) -> None:
    """The rows that the head reads, and no other, have a gradient; for one class token that is its row."""
    net = make_small_dynamic(**VARIANTS[name])
    x = make_pictures(net.config, 1)
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.7))
    trace = record(net, x, pruning=pruning, target=3, grads=True)
    assert trace.attn_grad is not None
    prefix, rows = trace.num_prefix_tokens, trace.readout.nonzero()[:, 0]
    grad, attn = trace.attn_grad[-1], trace.attn[-1]
    assert (grad.abs().amax((0, 2)) > 0).nonzero()[:, 0].tolist() == rows.tolist()
    published = sum((grad[:, i, prefix:].mean(-1, keepdim=True) * attn[:, i]).sum(0) for i in rows)
    assert isinstance(published, torch.Tensor)
    heat = explain(trace, "attention-gradcam").reshape(-1)[trace.patch_ids(-1)]
    np.testing.assert_allclose(heat, published[prefix:].clamp(min=0), atol=1e-6)


def test_what_speaks_against_the_class_is_not_shown() -> None:
    trace = make_trace(cuts=CUTS, graded=True)
    assert trace.attn_grad is not None
    against = dataclasses.replace(trace, attn_grad=tuple(-gradient.abs() for gradient in trace.attn_grad))
    for key in ("chefer", "gradient-rollout", "attention-gradcam"):
        assert np.nanmax(explain(trace, key)) > 0
        assert np.nanmax(np.abs(explain(against, key))) == 0


def test_no_map_is_negative_but_those_with_a_sign(trace: Trace) -> None:
    for key in OF_A_CLASS:
        assert (np.nanmin(explain(trace, key)) >= 0) != METHODS[key].signed


def test_a_linear_layer_that_attends_to_nothing_adds_nothing() -> None:
    none = [[[0, 0, 0]] * 3]
    trace = add_gradients(write_trace(none, grid=(1, 2)), [[[1, 1, 1]] * 3])
    for key in ("chefer", "gradient-rollout", "attention-gradcam"):
        np.testing.assert_array_equal(explain(trace, key), [[0, 0]])


@pytest.mark.parametrize("key", OF_A_CLASS)
def test_a_pass_without_gradients_explains_no_class(key: str) -> None:
    net = make_small()
    trace = record(net, make_pictures(net.config, 1))
    with pytest.raises(ValueError, match=f"{key} explains one class: record the pass with gradients"):
        explain(trace, key)
