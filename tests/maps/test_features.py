"""The principal components of a pass's patches, against numpy's decomposition and by hand."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.maps.traces import make_trace
from vitdemo.maps.features import components, principal_components
from vitdemo.trace import Trace


def add_directions(trace: Trace, *, width: int, seed: int = 0) -> Trace:
    """Return the trace with features whose first components stand out, as those of real pictures do."""
    draw = torch.Generator().manual_seed(seed)
    strength = 2.0 ** -torch.arange(width)
    whole = torch.randn(trace.num_patches + trace.num_prefix_tokens, width, generator=draw) * strength
    layers = [whole[ids] + 0.01 * torch.randn(len(ids), width, generator=draw) for ids in trace.token_ids]
    return dataclasses.replace(
        trace,
        directions=tuple(torch.nn.functional.normalize(layer, dim=-1).half() for layer in layers),
    )


@pytest.mark.parametrize("seed", range(5))
def test_components_are_those_of_numpy(seed: int) -> None:
    trace = add_directions(make_trace(grid=(6, 7), cuts={2: 20, 3: 9}), width=12, seed=seed)
    for layer, found in enumerate(principal_components(trace)):
        x = trace.directions[layer][trace.num_prefix_tokens :].double().numpy()
        left, values, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
        expected = left[:, :3] * values[:3]
        signs = np.sign((expected * found.numpy()).sum(0))
        np.testing.assert_allclose(found, signs * expected, atol=1e-3 * values[0], rtol=0)
        assert found.shape == (len(trace.patch_ids(layer)), 3)


def test_no_component_changes_its_sign_from_layer_to_layer() -> None:
    trace = add_directions(make_trace(grid=(6, 7), cuts={2: 20, 3: 9}), width=12)
    found = principal_components(trace)
    assert all(found[0][found[0][:, i].abs().argmax(), i] > 0 for i in range(3))
    turned = (*trace.directions[:1], *(-one for one in trace.directions[1:]))  # has the same components
    for parts in (found, principal_components(dataclasses.replace(trace, directions=turned))):
        for layer in range(1, len(parts)):
            ids = trace.patch_ids(layer)
            below = parts[layer - 1][torch.isin(trace.patch_ids(layer - 1), ids)]
            assert ((parts[layer] * below).sum(0) > 0).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_patches_have_few_components(count: int) -> None:
    found = components(torch.randn(count, 5, dtype=torch.float64))
    assert found.shape == (count, 3)
    assert found[:, count - 1 :].abs().max() < 1e-6


def test_a_trace_without_features_is_refused() -> None:
    with pytest.raises(ValueError, match="no features"):
        principal_components(make_trace())
