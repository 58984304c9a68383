"""Small networks in which nothing is zero or one by chance, and the variants that the proofs run over."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from vitdemo.config import PruneConfig, ViTConfig, as_pair
from vitdemo.models import DynamicViT, VisionTransformer, build_model
from vitdemo.rope import RopeConfig
from vitdemo.trace import Recorder

Net = TypeVar("Net", bound=nn.Module)
SMALL = ViTConfig(img_size=16, patch_size=4, embed_dim=24, depth=4, num_heads=3, num_classes=5, mlp_ratio=2.0)
VARIANTS: dict[str, dict[str, Any]] = {
    "square": {},
    "non-square": {"img_size": (12, 28)},
    "distilled": {"dist_token": True},
    "registers": {"reg_tokens": 2, "no_embed_class": True},
    "layer scale": {"init_values": 0.1},
    "mean": {"global_pool": "avg"},
    "mean, norm first": {"global_pool": "avg", "fc_norm": False},
    "mean, no class token": {"global_pool": "avg", "class_token": False},
    "class and mean": {"global_pool": "token_avg"},
    "class beside mean": {"global_pool": "token_cat_avg"},
    "attention pooling": {"global_pool": "map", "class_token": False},
    "pre-norm, quick GELU": {"pre_norm": True, "act_layer": "quick_gelu"},
    "no last norm, tanh": {"final_norm": False, "act_layer": "gelu_tanh"},
    "norms in each branch": {"qk_norm": True, "scale_attn_norm": True, "scale_mlp_norm": True},
    "RMSNorm, SwiGLU, no biases": {
        "norm_layer": "rmsnorm",
        "embed_norm": True,
        "gated_mlp": True,
        "act_layer": "silu",
        "qkv_bias": False,
        "proj_bias": False,
    },
    "rotary": {
        "use_abs_pos_emb": False,
        "rope": RopeConfig(100.0, centered=True, halves=True),
        "reg_tokens": 2,
    },
    "rotary beside a table": {
        "num_heads": 2,
        "rope": RopeConfig(offset=1.0, reference=(3, 5), x_first=True),
        "img_size": (12, 28),
    },
    "linear": {"attention": "linear"},
    "linear relu, class and mean": {"attention": "linear", "feature_map": "relu", "global_pool": "token_avg"},
    "linear, non-square, distilled": {"attention": "linear", "img_size": (12, 28), "dist_token": True},
    "focused, local": {
        "attention": "linear",
        "feature_map": "focused",
        "local_kernel": 3,
        "img_size": (12, 28),
    },
    "local, no class token": {
        "attention": "linear",
        "local_kernel": 5,
        "global_pool": "avg",
        "class_token": False,
    },
}


@torch.no_grad()
def shake(net: Net) -> Net:
    """Random numbers of a sensible size in every parameter: norms, LayerScale, biases and positions too."""
    for name, parameter in net.named_parameters():
        noise = torch.randn_like(parameter)
        if parameter.ndim == 1:
            parameter.add_(0.3 * noise)
        elif name.endswith(("_token", "pos_embed")):
            parameter.copy_(0.5 * noise)
        else:
            parameter.copy_(noise / parameter[0].numel() ** 0.5)
    return net.eval()


def make_small(**changes: Any) -> VisionTransformer:
    """Return a shaken plain network, `SMALL` with `changes`."""
    return shake(build_model(dataclasses.replace(SMALL, **changes)))


def make_small_dynamic(**changes: Any) -> DynamicViT:
    """Return the same with learned predictors before the blocks 1, 2 and 3."""
    net = make_small(**{"prune": PruneConfig((1, 2, 3)), **changes})
    assert isinstance(net, DynamicViT)
    return net


def make_pictures(config: ViTConfig, count: int = 3) -> Tensor:
    return torch.randn(count, config.in_chans, *as_pair(config.img_size))


def list_policies(net: VisionTransformer, recorder: Recorder) -> list[Tensor]:
    """Return what `forward` kept, as a policy for each stage: the form of `forward_masked`."""
    prefix, policies = net.config.num_prefix_tokens, []
    for layer in net.config.prune_loc:
        kept = recorder.token_ids[layer][:, prefix:] - prefix
        policies.append(torch.zeros(len(kept), net.config.num_patches).scatter(1, kept, 1.0))
    return policies
