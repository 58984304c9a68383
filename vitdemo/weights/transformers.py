"""transformers' format: config.json of its plain ViTs; their pictures are in `processors`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vitdemo.config import RANGES, Size, ViTConfig, simplify_size
from vitdemo.kinds import check_range, check_value, take
from vitdemo.message import Message
from vitdemo.weights.crops import cover
from vitdemo.weights.dinov3 import DINOV3, finish_dinov3, read_blocks
from vitdemo.weights.processors import describe_data, make_unknown
from vitdemo.weights.records import Description, Finish, Json, KeyTable, keep_tensors
from vitdemo.weights.transformers_tensors import (
    KEYS,
    NO_LAST_NORM,
    NO_POOLING,
    TEACHER_KEYS,
    fit_positions,
    fit_positions_of_patches,
    shape_tables,
)

# What a config leaves out is the library's own value.
COMMON: dict[str, Any] = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "image_size": 224,
    "patch_size": 16,
    "num_channels": 3,
    "qkv_bias": True,
}
DINOV2 = COMMON | {"layer_norm_eps": 1e-6, "mlp_ratio": 4, "use_swiglu_ffn": False}
CLIP = COMMON | {"hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "patch_size": 32}
SIGLIP = COMMON | {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6, "vision_use_head": True}
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "quick_gelu": "quick_gelu",
    "silu": "silu",
    "swish": "silu",
}
TOWERS = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}  # beside a tower for texts
REFUSED = {
    "beit": "relative position biases",
    "data2vec-vision": "relative position biases",
    "siglip2": "a size that changes with the picture",
    "siglip2_vision_model": "a size that changes with the picture",
    "swin": "attention in shifted windows",
    "swinv2": "attention in shifted windows",
}


@dataclass(frozen=True)
class Head:
    """A classifier: what of our config is its own, and tensors that have other names or no place with it."""

    network: Mapping[str, Any] = field(default_factory=dict)
    keys: KeyTable = ()


@dataclass(frozen=True)
class Family:
    """A `model_type`: the values that a config leaves out, and our config of a backbone.

    `heads`: its classifiers, the first where a config names no architecture. `finish`: how tensors are
    changed. `any_size`: positions are those of the processor's pictures, whatever the config's size.
    """

    defaults: Mapping[str, Any]
    network: Mapping[str, Any] = field(default_factory=dict)
    heads: Mapping[str, Head] = field(default_factory=dict)
    finish: Finish = keep_tensors
    any_size: bool = False


MEAN = {"global_pool": "avg", "fc_norm": False}
SCALED = {"init_values": 1.0}
FAMILIES: dict[str, Family] = {
    "vit": Family(COMMON, heads={"ViTForImageClassification": Head()}),
    "deit": Family(
        COMMON,
        {"reg_tokens": 1},  # without a head of its own the distillation token is a register
        {
            "DeiTForImageClassification": Head(),
            "DeiTForImageClassificationWithTeacher": Head(
                {"dist_token": True, "reg_tokens": 0}, TEACHER_KEYS
            ),
        },
    ),
    "dinov2": Family(
        DINOV2 | {"patch_size": 14},
        SCALED,
        {"Dinov2ForImageClassification": Head({"global_pool": "token_cat_avg"})},
        fit_positions,
        any_size=True,
    ),
    "dinov2_with_registers": Family(
        DINOV2 | {"num_register_tokens": 4},
        SCALED | {"no_embed_class": True},
        {"Dinov2WithRegistersForImageClassification": Head({"global_pool": "token_cat_avg"})},
        fit_positions_of_patches,
        any_size=True,
    ),
    "dinov3_vit": Family(DINOV3, SCALED | {"use_abs_pos_emb": False}, finish=finish_dinov3, any_size=True),
    "ijepa": Family(
        COMMON,
        MEAN | {"class_token": False},
        {"IJepaForImageClassification": Head()},
    ),
    "vit_mae": Family(COMMON),
    "vit_msn": Family(COMMON | {"layer_norm_eps": 1e-6}, heads={"ViTMSNForImageClassification": Head()}),
    "clip_vision_model": Family(
        CLIP,
        {"pre_norm": True},
        {"CLIPForImageClassification": Head(MEAN | {"final_norm": False}, NO_LAST_NORM)},
        shape_tables,
    ),
    "siglip_vision_model": Family(
        SIGLIP,
        {"class_token": False, "global_pool": "map"},
        {"SiglipForImageClassification": Head(MEAN, NO_POOLING)},
        shape_tables,
    ),
}


def describe_transformers(config: Json, preprocessor: Json) -> Description:
    """Describe one of FAMILIES, with a head or without; of two towers that for pictures."""
    kind, values = take(config, "model_type", str), config
    if kind in TOWERS:
        kind, values = TOWERS[kind], take(config, "vision_config", dict)
    if kind in REFUSED:
        raise ValueError(
            Message(
                "{key} {name} is not followed: it has {reason}",
                key="model_type",
                name=repr(kind),
                reason=REFUSED[kind],
            )
        )
    if kind not in FAMILIES:
        raise make_unknown("model_type", kind, (*TOWERS, *FAMILIES))
    family = FAMILIES[kind]
    values = {**family.defaults, **values}
    named = take(config, "architectures", tuple[str, ...], ())
    architecture = [*named, *family.heads, kind][0]
    head = family.heads.get(architecture)
    names = () if head is None else read_class_names(config)
    network = {**read_sizes(values), **family.network, **({} if head is None else head.network)}
    if head is None and values.get("vision_use_head") is False:
        head = Head(MEAN)
        network |= MEAN
    channels = take_whole(values, "num_channels", "in_chans")
    size = None if family.any_size and preprocessor else take_size(values, "image_size")
    data = describe_data(preprocessor, img_size=size, channels=channels)
    if (covered := cover(data.img_size, network["patch_size"])) != data.img_size:
        data = replace(data, img_size=covered, crop_size=data.img_size)
    model = ViTConfig(
        img_size=covered,
        in_chans=channels,
        num_classes=len(names),
        multi_label=bool(names) and is_multi_label(config),
        **network,
    )
    keys = KEYS if head is None else (*head.keys, *KEYS)
    return Description(architecture, model, data, names, keys, finish=family.finish)


def read_sizes(values: Json) -> dict[str, Any]:
    """Return what all families spell alike, as values of our config."""
    width, activation = take_whole(values, "hidden_size", "embed_dim"), take(values, "hidden_act", str)
    if activation not in ACTIVATIONS:
        raise make_unknown("hidden_act", activation, ACTIVATIONS)
    found: dict[str, Any] = {
        "patch_size": take_size(values, "patch_size"),
        "embed_dim": width,
        "depth": take_whole(values, "num_hidden_layers", "depth"),
        "num_heads": take_whole(values, "num_attention_heads", "num_heads"),
        "norm_eps": float(take(values, "layer_norm_eps", float)),
        "act_layer": ACTIVATIONS[activation],
    }
    found |= read_blocks(values) if "rope_theta" in values else {"qkv_bias": take(values, "qkv_bias", bool)}
    if "num_register_tokens" in values:
        found["reg_tokens"] = take_whole(values, "num_register_tokens", "reg_tokens")
    if "mlp_ratio" not in values:
        return found | {"mlp_ratio": ratio_of(take(values, "intermediate_size", int), width)}
    hidden = int(width * take(values, "mlp_ratio", float))
    if not take(values, "use_swiglu_ffn", bool):
        return found | {"mlp_ratio": ratio_of(hidden, width)}
    hidden = (int(hidden * 2 / 3) + 7) // 8 * 8  # of which DINOv2 keeps two thirds, in eights
    return found | {"mlp_ratio": ratio_of(hidden, width), "gated_mlp": True, "act_layer": "silu"}


def read_class_names(config: Json) -> tuple[str, ...]:
    """Return the names by index. Raise ValueError where an index between them has none."""
    count = take(config, "num_labels", int, 2)  # two is what transformers leaves out
    labels = take(config, "id2label", dict, {})
    if not labels:
        check_range("num_labels", count, *RANGES["num_classes"])
        return tuple(f"LABEL_{index}" for index in range(count))
    if labels.keys() != {str(index) for index in range(len(labels))}:
        raise ValueError(Message("id2label must name each index from 0 to {last}", last=len(labels) - 1))
    names = tuple(labels[str(index)] for index in range(len(labels)))
    check_value("id2label", names, tuple[str, ...])
    return names


def is_multi_label(config: Json) -> bool:
    """Return whether a picture may be of several classes. Raise ValueError for a head without classes."""
    kind = take(config, "problem_type", str, "single_label_classification")
    if kind not in ("single_label_classification", "multi_label_classification"):
        raise ValueError(Message("problem_type {name} is not known, only classification is", name=repr(kind)))
    return kind == "multi_label_classification"


def take_whole(config: Json, key: str, ours: str, *default: int) -> int:
    """Return a whole number that may be what our config's `ours` may be. Raise ValueError naming `key`."""
    value = take(config, key, int, *default)
    check_range(key, value, *RANGES[ours])
    return value


def take_size(config: Json, key: str) -> Size:
    """Return a size in pixels. Raise ValueError naming `key`."""
    size = simplify_size(take(config, key, Size))
    check_range(key, size, *RANGES["img_size"])
    return size


def ratio_of(hidden: int, width: int) -> float:
    """Return the MLP's ratio out of which its `hidden` width comes back: it is rounded down."""
    ratio = hidden / width
    return ratio if int(width * ratio) == hidden else math.nextafter(ratio, math.inf)
