"""Distances, entropies and outliers on grids small enough to work by hand, and written out slowly."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from tests.maps.traces import make_trace, write_trace
from vitdemo.maps.statistics import attention_distance, attention_entropy, token_norms
from vitdemo.trace import Trace

UNIFORM = [[0.2] * 5] * 5
SELF = [[float(i == j) for j in range(5)] for i in range(5)]
NEXT = [
    [float(j == (i + 1) % 5) for j in range(5)] for i in range(5)
]  # the class token's turn ends at patch 3


def test_uniform_and_one_hot_on_a_grid_of_two_by_two() -> None:
    trace = write_trace([UNIFORM, SELF, NEXT], grid=(2, 2))
    height, width = 4.0, 3.0
    diagonal = 5.0
    # Patch 0 to 1, 1 to 2, 2 to 3; patch 3 looks at the class token only and does not count.
    steps = (width + diagonal + width) / 3
    np.testing.assert_allclose(
        attention_distance(trace, patch_size=(4, 3)),
        [[(0 + width + height + diagonal) / 4, 0.0, steps]],
        rtol=1e-6,
    )
    np.testing.assert_allclose(attention_entropy(trace), [[math.log(5), 0.0, 0.0]], atol=1e-6)


def test_half_and_half_has_the_entropy_of_a_coin() -> None:
    coin = [[0.5, 0.5, 0, 0, 0]] * 5
    assert attention_entropy(write_trace([coin], grid=(2, 2)))[0, 0] == pytest.approx(math.log(2))


def test_rows_without_attention_do_not_count() -> None:
    nothing = [[0.0] * 5] * 5
    one_row = [[0.0] * 5, [0, 0, 1.0, 0, 0], *[[0.0] * 5] * 3]
    trace = write_trace([nothing, one_row], grid=(2, 2))
    distance, entropy = attention_distance(trace, patch_size=(4, 3)), attention_entropy(trace)
    assert np.isnan(distance[0, 0])
    assert np.isnan(entropy[0, 0])
    assert distance[0, 1] == pytest.approx(3.0)
    assert entropy[0, 1] == pytest.approx(0.0)


def average_distances(trace: Trace, patch: tuple[int, int], layer: int, head: int) -> float:
    """Query by query and key by key, from the original places."""
    ids, attn, means = trace.token_ids[layer].tolist(), trace.attn[layer][head].tolist(), []
    for i, query in enumerate(ids):
        if query < trace.num_prefix_tokens:
            continue
        total = weight = 0.0
        for j, key in enumerate(ids):
            if key >= trace.num_prefix_tokens:
                (r, c), (s, d) = (divmod(t - trace.num_prefix_tokens, trace.grid[1]) for t in (query, key))
                total += attn[i][j] * math.hypot((r - s) * patch[0], (c - d) * patch[1])
                weight += attn[i][j]
        means.append(total / weight)
    return sum(means) / len(means)


@pytest.mark.parametrize("prefix", [0, 1, 2])
def test_pruned_tokens_are_neither_queries_nor_keys(prefix: int) -> None:
    trace = make_trace(grid=(3, 4), prefix=prefix, cuts={1: 7, 3: 4}, pool="avg")
    distance, entropy = attention_distance(trace, patch_size=(2, 5)), attention_entropy(trace)
    for layer in range(4):
        for head in range(3):
            assert distance[layer, head] == pytest.approx(
                average_distances(trace, (2, 5), layer, head), rel=1e-5
            )
            attn = trace.attn[layer][head].double().numpy()
            slow = np.mean([-sum(a * math.log(a) for a in row) for row in attn])
            assert entropy[layer, head] == pytest.approx(slow, rel=1e-5)


def add_norms(trace: Trace, *norms: float) -> Trace:
    below = tuple(torch.ones(len(ids)) for ids in trace.token_ids[:-1])
    return dataclasses.replace(trace, token_norms=(*below, torch.tensor(norms)))


def test_artefacts_by_hand() -> None:
    """Norms 1, 2, 3, 4 and 5: median 3, deviations 2, 1, 0, 1, 2, so MAD 1 and the limit 3 + 6 = 9."""
    trace = make_trace(grid=(1, 5))
    calm = token_norms(add_norms(trace, 99.0, 1, 2, 3, 4, 5))
    assert (calm.limit, calm.artefacts, calm.prefix) == (9.0, (), (99.0,))
    np.testing.assert_array_equal(calm.heat, [[1, 2, 3, 4, 5]])
    assert token_norms(add_norms(trace, 99.0, 1, 9.5, 3, 4, 5)).artefacts == ()  # its own weight moves both
    loud = token_norms(add_norms(trace, 99.0, 1, 30, 3, 2, 4))
    assert (loud.limit, loud.artefacts) == (9.0, (1,))
    assert token_norms(add_norms(trace, 99.0, 1, 30, 3, 2, 4), factor=40.0).artefacts == ()


def test_artefacts_have_their_original_place_after_pruning() -> None:
    trace = make_trace(grid=(2, 4), cuts={2: 5})
    left = trace.patch_ids(-1).tolist()
    norms = token_norms(add_norms(trace, 1.0, 2.0, 2.1, 2.2, 1.9, 50.0))
    assert norms.artefacts == (left[-1],)
    gone = sorted(set(range(8)) - set(left))
    assert np.flatnonzero(np.isnan(norms.heat)).tolist() == gone
    assert norms.heat.ravel()[left].tolist() == pytest.approx([2.0, 2.1, 2.2, 1.9, 50.0])


def test_a_trace_without_norms_is_refused() -> None:
    with pytest.raises(ValueError, match="no token norms"):
        token_norms(make_trace())
