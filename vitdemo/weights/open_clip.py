"""OpenCLIP's format: of its two towers that for pictures, its own or one of timm, without words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from vitdemo.config import DataConfig, Size, ViTConfig, as_pair, simplify_size
from vitdemo.kinds import check_value, from_json, take
from vitdemo.message import Message
from vitdemo.weights.crops import cover
from vitdemo.weights.processors import CLIP
from vitdemo.weights.records import Description, Json, KeyTable, Tensors
from vitdemo.weights.timm import NO_HEAD, describe_timm, read_network
from vitdemo.weights.transformers_tensors import shape_tables

PART = r"(weight|bias)"
TRUNK = r"visual\.trunk\."
BLOCK = r"visual\.transformer\.resblocks\.(\d+)\."
OPEN_CLIP_KEYS: KeyTable = (
    (TRUNK + r"(.+)", r"\1"),
    (r"visual\.class_embedding", "cls_token"),
    (r"visual\.positional_embedding", "pos_embed"),
    (r"visual\.conv1\." + PART, r"patch_embed.proj.\1"),
    (r"visual\.ln_pre\." + PART, r"norm_pre.\1"),
    (r"visual\.ln_post\." + PART, r"norm.\1"),
    (BLOCK + r"ln_([12])\." + PART, r"blocks.\1.norm\2.\3"),
    (BLOCK + r"ls_([12])\.gamma", r"blocks.\1.ls\2.gamma"),
    (BLOCK + r"attn\.in_proj_" + PART, r"blocks.\1.attn.qkv.\2"),
    (BLOCK + r"attn\.out_proj\." + PART, r"blocks.\1.attn.proj.\2"),
    (BLOCK + r"mlp\.c_fc\." + PART, r"blocks.\1.mlp.fc1.\2"),
    (BLOCK + r"mlp\.c_proj\." + PART, r"blocks.\1.mlp.fc2.\2"),
    (r"visual\.(?:proj|head\..+)", ""),  # into the space that it shares with texts
    (r"(?!visual\.).*", ""),
)
READ = {"image_size", "patch_size", "width", "layers", "head_width", "mlp_ratio", "ls_init_value"}
# What changes no number in use: what is of training alone, and fixed positions, which the file has.
PASSED = {"patch_dropout", "output_tokens", "attn_pooler_queries", "attn_pooler_heads", "pos_embed_type"}
PLAIN = {"pool_type": "tok", "block_type": "default"}
RESIZED = {"shortest": "center", "squash": "squash"}


def respell(described: Description) -> Description:
    """Return what is `described` with the names and shapes that OpenCLIP's file gives its tensors."""
    trunk = tuple((TRUNK + pattern, ours) for pattern, ours in described.keys)

    def finish(tensors: Tensors, config: ViTConfig) -> Tensors:
        return shape_tables(described.finish(tensors, config), config)

    return replace(described, keys=(*trunk, *OPEN_CLIP_KEYS), finish=finish)


def describe_open_clip(config: Json) -> Description:
    """Describe the tower for pictures of open_clip_config.json. Raise ValueError naming a key."""
    model = take(config, "model_cfg", dict)
    vision = take(model, "vision_cfg", dict)
    pictures = read_pictures(take(config, "preprocess_cfg", dict, {}))
    if vision.get("timm_model_name") is not None:
        return describe_trunk(vision, pictures)
    return describe_tower(vision, pictures, quick=take(model, "quick_gelu", bool, False))


def read_pictures(values: Json) -> dict[str, Any]:
    """Return how pictures are resized and normalised, in timm's words."""
    mode = take(values, "resize_mode", str, "shortest")
    if mode not in RESIZED:  # "longest" has borders of another colour
        raise make_refusal("preprocess_cfg.resize_mode", mode)
    return {
        "mean": take(values, "mean", tuple[float, ...], CLIP["image_mean"]),
        "std": take(values, "std", tuple[float, ...], CLIP["image_std"]),
        "interpolation": take(values, "interpolation", str, "bicubic"),
        "crop_pct": 1.0,
        "crop_mode": RESIZED[mode],
    }


def describe_trunk(vision: Json, pictures: Json) -> Description:
    """Describe a tower of timm. What follows it, if anything, leads into the space shared with texts."""
    name = take(vision, "timm_model_name", str)
    own, pool = read_network(name)["global_pool"], take(vision, "timm_pool", str, "avg")
    if pool not in ("", own):
        raise make_refusal("vision_cfg.timm_pool", pool)
    inputs = {**pictures, "input_size": (3, *as_pair(take(vision, "image_size", Size, 224)))}
    described = describe_timm(
        {"architecture": name, "num_classes": 0, "pretrained_cfg": inputs}, official=False
    )
    return replace(described, keys=(*described.keys, *NO_HEAD))


def describe_tower(vision: Json, pictures: Json, *, quick: bool) -> Description:
    """Describe a tower of OpenCLIP's own; `quick`: its GELU is that of OpenAI."""
    for key in sorted(vision.keys() - READ - PASSED):
        value = vision[key]
        if value and value != PLAIN.get(key) and not key.startswith("timm_"):
            raise make_refusal(f"vision_cfg.{key}", value)
    width = take(vision, "width", int, 768)
    check_value("vision_cfg.layers", vision.get("layers", 12), int)  # four numbers are a ResNet's
    patch_size = simplify_size(take(vision, "patch_size", Size, 16))
    crop = simplify_size(take(vision, "image_size", Size, 224))
    size = cover(crop, patch_size)
    network = ViTConfig(
        img_size=size,
        patch_size=patch_size,
        num_classes=0,
        embed_dim=width,
        depth=take(vision, "layers", int, 12),
        num_heads=max(1, width // max(1, take(vision, "head_width", int, 64))),
        mlp_ratio=take(vision, "mlp_ratio", float, 4.0),
        act_layer="quick_gelu" if quick else "gelu",
        init_values=take(vision, "ls_init_value", float, None),
        pre_norm=True,
        norm_eps=1e-5,
    )
    data = {"dataset": "", "img_size": size, "crop_size": None if crop == size else crop, **pictures}
    return Description("CLIP's image tower", network, from_json(DataConfig, data), ())


def make_refusal(key: str, value: Any) -> ValueError:
    """Return the error for a value that is not followed."""
    return ValueError(Message("{key} {value} is not followed", key=key, value=repr(value)))
