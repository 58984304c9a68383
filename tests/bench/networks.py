"""ours, timm's and transformers' with the same weights, vit-pytorch's of its shape."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from torch import nn

from tests.bench.race import OURS, Setting
from tests.models.nets import shake
from vitdemo.config import ViTConfig
from vitdemo.models import VisionTransformer, build_model
from vitdemo.weights.modules import load_module

TIMM, TRANSFORMERS, VIT_PYTORCH = PEERS = ("timm", "transformers", "vit-pytorch")
SHAPES = {
    "DeiT-Ti": ViTConfig(embed_dim=192, depth=12, num_heads=3),
    "DeiT-S": ViTConfig(embed_dim=384, depth=12, num_heads=6),
}
TINY = {"tiny": ViTConfig(img_size=32, patch_size=8, embed_dim=24, depth=4, num_heads=3)}


def list_shapes(setting: Setting) -> dict[str, ViTConfig]:
    """Return the networks to measure, by name."""
    return TINY if setting.tiny else SHAPES


def is_installed(peer: str) -> bool:
    return find_spec(peer.replace("-", "_")) is not None


def make_networks(config: ViTConfig) -> dict[str, nn.Module]:
    """Return the network of ours, and of each peer that is installed."""
    theirs = make_transformers(config) if is_installed(TRANSFORMERS) else None
    ours = shake(build_model(config)) if theirs is None else load_module(theirs).model
    found: dict[str, nn.Module] = {OURS: ours.eval()}
    if is_installed(TIMM):
        found[TIMM] = make_timm(config, ours)
    if theirs is not None:
        found[TRANSFORMERS] = theirs
    if is_installed(VIT_PYTORCH):
        found[VIT_PYTORCH] = make_vit_pytorch(config)
    return found


def make_transformers(config: ViTConfig, *, attention: str = "sdpa") -> Any:
    """Return transformers' ViT with random weights. With `attention` "eager" it gives the attention out."""
    from transformers import ViTConfig as Shape
    from transformers import ViTForImageClassification

    shape: Any = {
        "hidden_size": config.embed_dim,
        "num_hidden_layers": config.depth,
        "num_attention_heads": config.num_heads,
        "intermediate_size": config.hidden_width,
        "image_size": config.img_size,
        "patch_size": config.patch_size,
        "layer_norm_eps": config.norm_eps,
        "num_labels": config.num_classes,
        "attn_implementation": attention,
    }
    return shake(ViTForImageClassification(Shape(**shape)))


def make_timm(config: ViTConfig, ours: VisionTransformer) -> nn.Module:
    """Return timm's network with our weights."""
    from timm.models.vision_transformer import VisionTransformer as Theirs

    model = Theirs(
        img_size=config.img_size,
        patch_size=config.patch_size,
        num_classes=config.num_classes,
        embed_dim=config.embed_dim,
        depth=config.depth,
        num_heads=config.num_heads,
    )
    model.load_state_dict(ours.state_dict(), strict=True)
    return model.eval()


def make_vit_pytorch(config: ViTConfig) -> nn.Module:
    """Return vit-pytorch's, which is built a little otherwise and so has weights of its own."""
    from vit_pytorch import ViT

    return ViT(
        image_size=config.img_size,
        patch_size=config.patch_size,
        num_classes=config.num_classes,
        dim=config.embed_dim,
        depth=config.depth,
        heads=config.num_heads,
        dim_head=config.embed_dim // config.num_heads,
        mlp_dim=config.hidden_width,
    ).eval()
