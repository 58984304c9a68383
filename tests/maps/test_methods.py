"""What holds for every method: a grid of numbers, an untouched trace, options that are checked by name."""

import numpy as np
import pytest
import torch

from tests.maps.traces import make_tensors, make_trace
from vitdemo.maps import METHODS, explain, explain_heads, share_of_total

BAD = {
    "layer": (-1, 4, 1.0, "1"),
    "head": (-1, 3, 0.5, True),
    "query": (-1, 12, "class"),
    "stage": (-1, 2, None),
    "choice": ("sum", None),
    "float": (-0.1, 1.0, float("nan"), "0.5", None),
}
every_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


@every_method
@pytest.mark.parametrize("prefix", [1, 2, 5])
def test_same_map_again_and_the_trace_untouched(method, prefix):
    trace = make_trace(prefix=prefix, cuts={1: 8, 3: 3}, graded=True)
    before = [tensor.clone() for tensor in make_tensors(trace)]
    keys = [option.key for option in method.options]
    settings = [{}, *({"fusion": f} for f in ("max", "min") if "fusion" in keys)]
    settings += [{"head": 0}] if "head" in keys else []
    settings += [{"discard_ratio": 0.8}] if "discard_ratio" in keys else []
    for options in settings:
        heat = explain(trace, method.key, **options)
        assert heat.shape == trace.grid
        copy = heat.copy()
        heat[:] = -1.0  # a picture may scribble on its map
        np.testing.assert_array_equal(explain(trace, method.key, **options), copy)
    for tensor, old in zip(make_tensors(trace), before, strict=True):
        assert torch.equal(tensor, old)


@every_method
def test_bad_values_name_their_option(method):
    trace = make_trace(cuts={1: 8, 3: 3}, graded=True)
    for option in method.options:
        for value in BAD[option.kind]:
            with pytest.raises(ValueError, match=f"^{option.key} must be"):
                explain(trace, method.key, **{option.key: value})


@every_method
def test_defaults_are_legal_values(method):
    trace = make_trace(cuts={1: 8, 3: 3}, graded=True)
    spelled_out = {option.key: option.default for option in method.options}
    np.testing.assert_array_equal(explain(trace, method.key, **spelled_out), explain(trace, method.key))


def test_the_browser_computes_both_directions():
    assert all(method.inward for method in METHODS.values() if method.in_browser)


@pytest.mark.parametrize("key", [key for key, method in METHODS.items() if method.all_heads])
def test_all_heads_take_the_same_options_as_one(key):
    trace = make_trace(cuts={1: 8, 3: 3})
    query = int(trace.patch_ids(3)[0])
    for options in ({}, {"layer": 2}, {"query": query}):
        heads = explain_heads(trace, key, **options)
        single = [explain(trace, key, head=head, **options) for head in range(3)]
        np.testing.assert_allclose(heads, single, rtol=1e-5)
    with pytest.raises(ValueError, match="layer must be an integer from 0 to 3, got 4"):
        explain_heads(trace, key, layer=4)


def test_unknown_names_are_told():
    trace = make_trace()
    with pytest.raises(ValueError, match="unknown method 'rollout'; known methods: raw-attention"):
        explain(trace, "rollout")
    with pytest.raises(ValueError, match=r"unknown option 'layr'; did you mean 'layer'\?"):
        explain(trace, "raw-attention", layr=1)
    with pytest.raises(ValueError, match="unknown option 'xyz'; known options: fusion, discard_ratio"):
        explain(trace, "attention-rollout", xyz=1)
    with pytest.raises(ValueError, match="attention-rollout has no maps of single heads"):
        explain_heads(trace, "attention-rollout")


def test_share_of_total():
    heat = np.array([[1.0, np.nan], [0.0, 3.0]])
    np.testing.assert_array_equal(share_of_total(heat), [[0.25, np.nan], [0.0, 0.75]])
    np.testing.assert_array_equal(share_of_total(np.zeros((1, 2))), [[0.0, 0.0]])
