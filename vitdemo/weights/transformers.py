"""transformers' format: config.json and the tensors' names of its ViT; its pictures are in `processors`."""

from __future__ import annotations

import math

from vitdemo.config import RANGES, Size, ViTConfig
from vitdemo.kinds import check_range, check_value, take
from vitdemo.weights.processors import data_of
from vitdemo.weights.records import Description, Json, KeyTable
from vitdemo.weights.timm import simplify_size

LAYER = r"(?:vit\.)?(?:encoder\.layer|layers)\.(\d+)\."
PART = r"\.(weight|bias)"
TRANSFORMERS_KEYS: KeyTable = (
    (r"(?:vit\.)?embeddings\.cls_token", "cls_token"),
    (r"(?:vit\.)?embeddings\.position_embeddings", "pos_embed"),
    (r"(?:vit\.)?embeddings\.patch_embeddings\.projection" + PART, r"patch_embed.proj.\1"),
    (r"(?:vit\.)?embeddings\.mask_token", ""),
    (r"(?:vit\.)?pooler\.dense" + PART, ""),
    (LAYER + r"layernorm_before" + PART, r"blocks.\1.norm1.\2"),
    (LAYER + r"layernorm_after" + PART, r"blocks.\1.norm2.\2"),
    (LAYER + r"attention\.(?:attention\.)?([qkv])(?:uery|ey|alue|_proj)" + PART, r"blocks.\1.attn.qkv.\2.\3"),
    (LAYER + r"attention\.(?:output\.dense|o_proj)" + PART, r"blocks.\1.attn.proj.\2"),
    (LAYER + r"(?:intermediate\.dense|mlp\.fc1)" + PART, r"blocks.\1.mlp.fc1.\2"),
    (LAYER + r"(?:output\.dense|mlp\.fc2)" + PART, r"blocks.\1.mlp.fc2.\2"),
    (r"(?:vit\.)?layernorm" + PART, r"norm.\1"),
    (r"classifier" + PART, r"head.\1"),
)


def describe_transformers(config: Json, preprocessor: Json) -> Description:
    """Describe a ViT of transformers, with a head or without."""
    if config["model_type"] != "vit":
        raise ValueError(f"model_type {config['model_type']!r} is not known, only 'vit' is")
    if take(config, "hidden_act", str, "gelu") != "gelu":
        raise ValueError(f"hidden_act {config['hidden_act']!r} is not known, only 'gelu' is")
    architecture = [*take(config, "architectures", tuple[str, ...], ()), "ViTForImageClassification"][0]
    names = read_class_names(config) if architecture == "ViTForImageClassification" else ()
    width, hidden = take_whole(config, "hidden_size", "embed_dim"), take(config, "intermediate_size", int)
    model = ViTConfig(
        img_size=take_size(config, "image_size"),
        patch_size=take_size(config, "patch_size"),
        in_chans=take_whole(config, "num_channels", "in_chans", 3),
        num_classes=len(names),
        embed_dim=width,
        depth=take_whole(config, "num_hidden_layers", "depth"),
        num_heads=take_whole(config, "num_attention_heads", "num_heads"),
        mlp_ratio=ratio_of(hidden, width),
        qkv_bias=take(config, "qkv_bias", bool, True),
        norm_eps=float(take(config, "layer_norm_eps", float, 1e-12)),
        multi_label=bool(names) and is_multi_label(config),
    )
    data = data_of(preprocessor, img_size=model.img_size, channels=model.in_chans)
    return Description(architecture, model, data, names, TRANSFORMERS_KEYS)


def read_class_names(config: Json) -> tuple[str, ...]:
    """Return the names by index. Raise ValueError where an index between them has none."""
    count = take(config, "num_labels", int, 2)  # two is what transformers leaves out
    labels = take(config, "id2label", dict, {})
    if not labels:
        check_range("num_labels", count, *RANGES["num_classes"])
        return tuple(f"LABEL_{index}" for index in range(count))
    if labels.keys() != {str(index) for index in range(len(labels))}:
        raise ValueError(f"id2label must name each index from 0 to {len(labels) - 1}")
    names = tuple(labels[str(index)] for index in range(len(labels)))
    check_value("id2label", names, tuple[str, ...])
    return names


def is_multi_label(config: Json) -> bool:
    """Return whether a picture may be of several classes. Raise ValueError for a head without classes."""
    kind = take(config, "problem_type", str, "single_label_classification")
    if kind not in ("single_label_classification", "multi_label_classification"):
        raise ValueError(f"problem_type {kind!r} is not known, only classification is")
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
