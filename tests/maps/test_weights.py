"""Filters against the eigenvectors of the covariance matrix, similarities worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vitdemo.maps.weights import patch_filters, position_similarity


def test_filters_are_the_eigenvectors_of_the_covariance() -> None:
    draw = np.random.default_rng(0)
    scales = np.array([9.0, 5.0, 3.0, 2.0, 1.5, 1.2, 1.0, 0.8, 0.6, 0.4, 0.3, 0.2])
    weight = (draw.standard_normal((40, 12)) * scales + 3.0).reshape(40, 3, 2, 2).astype(np.float32)
    filters, shares = patch_filters(weight, count=4)

    values, vectors = np.linalg.eigh(np.cov(weight.reshape(40, 12).astype(np.float64).T))
    order = values.argsort()[::-1][:4]
    np.testing.assert_allclose(shares, values[order] / values.sum(), atol=1e-6)
    for component, vector in zip(filters.reshape(4, 12), vectors.T[order], strict=True):
        assert abs(component @ vector) == pytest.approx(1.0, abs=1e-6)
        assert component[np.abs(component).argmax()] > 0
    assert filters.shape == (4, 3, 2, 2)


def test_filters_keep_the_layout_of_the_patch() -> None:
    """Filters that differ in one entry alone have that entry as their only component."""
    weight = np.zeros((2, 3, 2, 4))
    weight[0, 1, 0, 3] = 2.0
    filters, shares = patch_filters(weight, count=1)
    wanted = np.zeros((3, 2, 4))
    wanted[1, 0, 3] = 1.0
    np.testing.assert_allclose(filters[0], wanted, atol=1e-12)
    np.testing.assert_allclose(shares, [1.0])


def test_equal_filters_have_no_variance_to_share() -> None:
    assert (patch_filters(np.ones((4, 1, 2, 2)), count=2)[1] == 0).all()


@pytest.mark.parametrize("count", [0, 5])
def test_impossible_counts_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="count must be from 1 to 4"):
        patch_filters(np.ones((8, 1, 2, 2)), count=count)


def test_similarity_by_hand() -> None:
    positions = np.array([[3.0, 0.0], [0.0, 0.5], [-1.0, 0.0], [2.0, 2.0], [0.0, 0.0]], dtype=np.float32)
    half = 0.5**0.5
    wanted = [
        [1, 0, -1, half, 0],
        [0, 1, 0, half, 0],
        [-1, 0, 1, -half, 0],
        [half, half, -half, 1, 0],
        [0, 0, 0, 0, 0],
    ]
    np.testing.assert_allclose(position_similarity(positions), wanted, atol=1e-7)
