"""Raw attention: every number in its place, before and after a cut."""

import numpy as np
import pytest

from tests.maps.traces import make_trace
from vitdemo.maps import PatchDropped, explain, explain_heads


@pytest.mark.parametrize("prefix", [0, 1, 2, 5])
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_each_weight_lands_on_its_patch(prefix, layer):
    trace = make_trace(grid=(5, 3), prefix=prefix, cuts={1: 9, 3: 4}, pool="mean")
    ids, attn = trace.token_ids[layer].tolist(), trace.attn[layer]
    for query in (int(patch) for patch in trace.patch_ids(layer)):
        heat = explain(trace, "raw-attention", layer=layer, head=1, query=query)
        assert heat.shape == (5, 3)
        for patch in range(15):
            value = heat[patch // 3, patch % 3]
            if patch + prefix in ids:
                assert value == attn[1, ids.index(query + prefix), ids.index(patch + prefix)]
            else:
                assert np.isnan(value)


def test_readout_of_the_class_token_is_its_row():
    trace = make_trace(cuts={1: 8})
    heat = explain(trace, "raw-attention", layer=2, head=0)
    np.testing.assert_array_equal(heat.reshape(-1)[trace.patch_ids(2)], trace.attn[2][0, 0, 1:])


def test_readout_of_mean_pooling_is_the_mean_over_the_patches_kept_to_the_end():
    trace = make_trace(prefix=0, cuts={1: 8, 3: 3}, pool="mean")
    rows = [explain(trace, "raw-attention", layer=2, head=2, query=int(p)) for p in trace.patch_ids(3)]
    heat = explain(trace, "raw-attention", layer=2, head=2)
    np.testing.assert_allclose(heat, np.mean(rows, axis=0), rtol=1e-5)


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
def test_fused_equals_fusion_of_the_heads(fusion):
    trace = make_trace(cuts={1: 8})
    query = int(trace.patch_ids(3)[2])
    heads = explain_heads(trace, "raw-attention", layer=3, query=query)
    for head in range(3):
        expected = explain(trace, "raw-attention", layer=3, query=query, head=head)
        np.testing.assert_array_equal(heads[head], expected)
    fused = explain(trace, "raw-attention", query=query, fusion=fusion)
    np.testing.assert_allclose(fused, getattr(np, fusion)(heads, axis=0), rtol=1e-6)


def test_query_of_a_dropped_patch_names_the_first_layer_without_it():
    trace = make_trace(cuts={1: 8, 3: 3})
    gone = next(iter(set(range(12)) - set(trace.patch_ids(1).tolist())))
    assert np.isfinite(explain(trace, "raw-attention", layer=0, query=gone)).all()
    with pytest.raises(PatchDropped, match=f"patch {gone} was dropped before layer 1"):
        explain(trace, "raw-attention", layer=3, query=gone)
