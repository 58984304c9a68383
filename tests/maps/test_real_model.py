"""A real, randomly initialised DynamicViT: cuts, ids and scores as the network records them."""

import numpy as np
import pytest
import torch

from vitdemo.config import PruneConfig, ViTConfig
from vitdemo.maps import explain
from vitdemo.models.dynamic_vit import DynamicViT
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record


@pytest.fixture(params=["softmax", "linear"])
def traces(request):
    torch.manual_seed(0)
    config = ViTConfig(
        img_size=(20, 32),
        patch_size=4,
        embed_dim=16,
        depth=4,
        num_heads=2,
        num_classes=3,
        attention=request.param,
        prune=PruneConfig((1, 3)),
    )
    model = DynamicViT(config).eval()
    for parameter in model.parameters():  # the initial attention is all but uniform; make it differ
        parameter.data.mul_(4)
    pixels = torch.randn(1, 3, 20, 32)
    pruning = Pruning(make_selector("learned", model=model, pixels=pixels), FixedRatio(0.6))
    return record(model, pixels), record(model, pixels, pruning=pruning)


def test_keep_score_ranks_the_kept_patches_first(traces):
    _, pruned = traces
    for stage, kept in enumerate(pruned.kept):
        heat = explain(pruned, "keep-score", stage=stage).reshape(-1)
        order = np.argsort(-np.nan_to_num(heat, nan=-np.inf), kind="stable")
        assert set(order[: len(kept)].tolist()) == set(kept.tolist())
        assert (np.exp(heat[np.isfinite(heat)]) <= 1).all()  # log keep-probabilities


def test_the_layer_before_the_first_cut_is_the_dense_one(traces):
    pruned = traces[1]
    before = [explain(trace, "raw-attention", layer=0) for trace in traces]
    np.testing.assert_allclose(*before, rtol=1e-5)
    after = explain(pruned, "raw-attention", layer=1)
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(after)), pruned.kept[0])


def test_the_rollout_of_the_readout_gives_all_credit(traces):
    for trace in traces:
        heat = explain(trace, "attention-rollout")
        rest = np.linalg.multi_dot([np.eye(41)[0], *(walk(trace, layer) for layer in (3, 2, 1, 0))])[0]
        assert heat.sum() + rest == pytest.approx(1, abs=1e-5)


def walk(trace, layer):
    """`(mean A + I) / 2` on the full sequence, absent tokens zero."""
    ids = trace.token_ids[layer].numpy()
    matrix = np.zeros((41, 41))
    matrix[np.ix_(ids, ids)] = (trace.attn[layer].double().mean(0).numpy() + np.eye(len(ids))) / 2
    return matrix
