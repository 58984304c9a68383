"""timm's networks, loaded strictly, give timm's numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import timm
import torch
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer as TimmViT
from torch import nn

from tests.models.nets import make_pictures, shake
from vitdemo.config import ViTConfig
from vitdemo.models import build_model

TINY: dict[str, Any] = {"embed_dim": 192, "num_heads": 3}
DEIT_SMALL: dict[str, Any] = {"embed_dim": 384, "num_heads": 6}
DINO: dict[str, Any] = {
    **DEIT_SMALL,
    "img_size": 518,
    "patch_size": 14,
    "num_classes": 0,
    "reg_tokens": 4,
    "no_embed_class": True,
    "init_values": 1e-5,
}
NAMED: dict[str, dict[str, Any]] = {
    "vit_tiny_patch16_224": TINY,
    "vit_small_patch16_224": DEIT_SMALL,
    "vit_base_patch16_224": {"embed_dim": 768, "num_heads": 12},
    "deit_tiny_patch16_224": TINY,
    "deit_small_distilled_patch16_224": {**DEIT_SMALL, "dist_token": True},
    "vit_small_patch14_reg4_dinov2": DINO,
}
BASE: dict[str, Any] = {
    "img_size": (24, 40),
    "patch_size": 8,
    "embed_dim": 24,
    "depth": 3,
    "num_heads": 3,
    "num_classes": 7,
}
OPTIONS: list[dict[str, Any]] = [
    {"global_pool": "avg"},
    {"global_pool": "avg", "fc_norm": False},
    {"global_pool": "token", "fc_norm": True},
    {"global_pool": "avg", "class_token": False},
    {"global_pool": "avg", "reg_tokens": 2},
    {"no_embed_class": True},
    {"reg_tokens": 3},
    {"reg_tokens": 3, "no_embed_class": True},
    {"init_values": 0.1},
    {"qkv_bias": False},
    {"mlp_ratio": 3.0},
    {"patch_size": (4, 8)},
    {"in_chans": 1},
    {"num_classes": 0},
    {"num_classes": 0, "global_pool": "avg"},
    {"qk_norm": True},
    {"pre_norm": True, "act_layer": "quick_gelu"},
    {"act_layer": "gelu_tanh", "proj_bias": False},
    {"act_layer": "silu", "norm_layer": "rmsnorm", "qk_norm": True},
    {"final_norm": False, "reg_tokens": 2, "no_embed_class": True},
    {"scale_attn_norm": True, "scale_mlp_norm": True},
    {"global_pool": "map", "class_token": False},
    {"global_pool": "map", "reg_tokens": 2, "act_layer": "gelu_tanh"},
]


@torch.no_grad()
def assert_same(theirs: nn.Module, config: ViTConfig, *, count: int) -> None:
    shake(theirs)
    with torch.device("meta"):
        ours = build_model(config).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True, assign=True)
    x = make_pictures(config, count)
    expected = theirs(x)
    assert expected.std() > 0.1
    torch.testing.assert_close(ours(x), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", NAMED)
def test_named_network(name: str) -> None:
    """All its weights have their names and shapes, and two of its blocks compute what timm's do."""
    config = ViTConfig(**NAMED[name])
    with torch.device("meta"):
        whole = [network.state_dict() for network in (timm.create_model(name), build_model(config))]
    theirs, ours = ({key: value.shape for key, value in weights.items()} for weights in whole)
    assert ours == theirs
    short = timm.create_model(name, weight_init="skip", depth=2)
    assert_same(short, replace(config, depth=2), count=1)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_option(options: dict[str, Any]) -> None:
    assert_same(TimmViT(**{**BASE, **options}), ViTConfig(**{**BASE, **options}), count=2)


def test_distilled_non_square() -> None:
    assert_same(VisionTransformerDistilled(**BASE), ViTConfig(**BASE, dist_token=True), count=2)
