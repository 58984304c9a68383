"""DINOv3 as transformers writes it: which biases it has, rotary positions, and gates or none in its MLPs."""

from __future__ import annotations

from typing import Any

from vitdemo.config import ViTConfig
from vitdemo.kinds import take
from vitdemo.rope import RopeConfig
from vitdemo.weights.records import Json, Tensors, fill_key_biases

# What a config leaves out is the library's own value.
DINOV3: dict[str, Any] = {
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "intermediate_size": 1536,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "image_size": 224,
    "patch_size": 16,
    "num_channels": 3,
    "num_register_tokens": 0,
    "query_bias": True,
    "value_bias": True,
    "proj_bias": True,
    "mlp_bias": True,
    "use_gated_mlp": False,
    "rope_theta": 100.0,
}


def read_blocks(values: Json) -> dict[str, Any]:
    """Return what is DINOv3's own in its blocks, as values of our config. Raise ValueError naming a key."""
    for one, other in (("query_bias", "value_bias"), ("proj_bias", "mlp_bias")):
        if take(values, one, bool) != take(values, other, bool):
            raise ValueError(f"{one} and {other} must be equal")
    return {
        "qkv_bias": values["query_bias"],
        "proj_bias": values["proj_bias"],
        "gated_mlp": take(values, "use_gated_mlp", bool),
        "rope": RopeConfig(float(take(values, "rope_theta", float)), centered=True, halves=True),
    }


def finish_dinov3(tensors: Tensors, config: ViTConfig) -> Tensors:
    """Return DINOv3's `tensors` with a bias of zeros for keys without one, and MLPs without gates as ours.

    A table of no registers is left out.
    """
    tensors = {key: value for key, value in tensors.items() if value.numel()}
    if not config.gated_mlp:
        tensors = {key.replace(".mlp.fc1.x.", ".mlp.fc1."): value for key, value in tensors.items()}
    return fill_key_biases(tensors, config)
