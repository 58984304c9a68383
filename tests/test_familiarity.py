"""What tells unfamiliar pictures: fitted, and computed again by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from vitdemo.config import ViTConfig
from vitdemo.familiarity import fit
from vitdemo.models import build_model
from vitdemo.recording import record


def make_known(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What a head reads of familiar pictures, along 3 of 16 dimensions about a centre, and their logits."""
    draw = torch.Generator().manual_seed(0)
    pooled = torch.randn(count, 16, generator=draw) * torch.tensor([5.0] * 3 + [0.1] * 13) + 2
    return pooled, torch.randn(count, 4, generator=draw)


def test_strangeness_is_what_lies_beside_the_axes_less_the_energy() -> None:
    pooled, logits = make_known(200)
    found = fit(pooled, logits, rank=3)
    offset = (pooled - pooled.mean(0)).double().numpy()
    axes = np.linalg.svd(offset, full_matrices=False)[2][:3]
    beside = np.linalg.norm(offset - offset @ axes.T @ axes, axis=1)
    scale = logits.amax(1).mean().item() / beside.mean()
    wanted = scale * beside - np.log(np.exp(logits.double().numpy()).sum(1))
    assert np.allclose(found.strangeness(pooled, logits), wanted, atol=1e-4)
    assert torch.allclose(found.axes.T @ found.axes, torch.eye(3), atol=1e-5)


def test_one_picture_is_judged_by_the_limit() -> None:
    pooled, logits = make_known(200)
    bare = fit(pooled, logits, rank=3)
    found = replace(bare, limit=bare.strangeness(pooled, logits).quantile(0.95))
    flagged = [found.is_unfamiliar(*one) for one in zip(pooled, logits, strict=True)]
    assert sum(flagged) == 10  # of 200
    aside = pooled.mean(0) + 3 * torch.eye(16)[-1]
    assert found.is_unfamiliar(aside, logits[0])
    along = pooled.mean(0) + 3 * torch.eye(16)[0]
    assert not found.is_unfamiliar(along, logits[0])
    assert not bare.is_unfamiliar(aside, logits[0]), "without a limit nothing is strange"


def test_a_trace_holds_what_the_head_reads() -> None:
    tiny = ViTConfig(img_size=16, patch_size=4, embed_dim=16, depth=2, num_heads=2, num_classes=3)
    x = torch.randn(1, 3, 16, 16)
    mean, both = replace(tiny, global_pool="avg"), replace(tiny, global_pool="token_avg")
    for config in (tiny, mean, both, replace(tiny, reg_tokens=2)):
        model = build_model(config).eval()
        pooled = record(model, x).pooled
        assert pooled is not None
        assert torch.allclose(model.head(pooled), model(x)[0], atol=1e-5), config
    two = build_model(replace(tiny, dist_token=True)).eval()
    tokens = two.norm(two.encode(x).x)
    assert torch.allclose(two.pool(two.encode(x).x), (tokens[:, 0] + tokens[:, 1]) / 2)
    assert torch.equal(two(x), two.classify(two.encode(x).x))
