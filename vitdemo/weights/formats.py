"""The formats of config.json and the tensor names that go with them: vitdemo's own, timm's, transformers'."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from vitdemo.config import DataConfig, ViTConfig, from_json, to_json
from vitdemo.datasets import imagenet_classes
from vitdemo.registry import PRESETS

Json = Mapping[str, Any]
KeyTable = tuple[tuple[str, str], ...]  # (pattern of the whole name, our name; "" = has no place here)

TIMM_NAME = re.compile(
    r"(?P<family>vit|deit|deit3)_(?P<size>tiny|small|base|large|huge)(?P<dist>_distilled)?"
    r"_patch(?P<patch>\d+)(?P<reg>_reg4)?_(?P<tail>\d+|dinov2)"
)
TIMM_RUNTIME_ARGS = {"dynamic_img_size", "dynamic_img_pad", "drop_rate", "drop_path_rate", "weight_init"}

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


@dataclass(frozen=True)
class Description:
    """What a config.json says. `classes`: a name for each logit. `keys`: how its tensors are renamed."""

    name: str
    config: ViTConfig
    data: DataConfig
    classes: tuple[str, ...]
    keys: KeyTable = ()

    def repair(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`tensors` under our names; query, key and value fused. A name that no pattern knows stays."""
        found = {self.rename(key): value for key, value in tensors.items()}
        found.pop("", None)
        for query in [key for key in found if ".qkv.q." in key]:
            parts = [query.replace(".q.", f".{part}.") for part in "qkv"]
            if all(part in found for part in parts):
                found[query.replace(".q.", ".")] = torch.cat([found.pop(part) for part in parts])
        return found

    def rename(self, key: str) -> str:
        """Our name for the tensor `key`."""
        for pattern, ours in self.keys:
            if match := re.fullmatch(pattern, key):
                return match.expand(ours)
        return key


def describe(config: Json, preprocessor: Json) -> Description:
    """Reads a config.json of any known format; `preprocessor` is transformers' second file, or empty.

    Raises ValueError, KeyError or TypeError naming what is unknown, missing or of a wrong kind.
    """
    if config.get("format") == "vitdemo":
        return describe_own(config)
    if "architecture" in config:
        return describe_timm(config)
    if "model_type" in config:
        return describe_transformers(config, preprocessor)
    raise ValueError("the format is none of vitdemo, timm and transformers")


def describe_own(config: Json) -> Description:
    """vitdemo's own format; nothing in it may be unknown."""
    known = {"format", "version", "name", "model", "data", "classes"}
    if unknown := sorted(config.keys() - known):
        raise ValueError(f"unknown key {unknown[0]!r}")
    if config["version"] != 1:
        raise ValueError(f"version {config['version']!r} is not known, only 1 is")
    model, classes = from_json(ViTConfig, config["model"]), tuple(config["classes"])
    if len(classes) != model.num_classes:
        raise ValueError(f"classes has {len(classes)} names, num_classes is {model.num_classes}")
    return Description(config["name"], model, from_json(DataConfig, config["data"]), classes)


def describe_timm(config: Json) -> Description:
    """timm's Hub format: the architecture's name, what departs from it, and the preprocessing.

    The plain ViT, DeiT, DeiT III and DINOv2 names are known; tensor names are ours already.
    """
    name, inputs, args = config["architecture"], config["pretrained_cfg"], dict(config.get("model_args", {}))
    match = TIMM_NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"architecture {name!r} is not known")
    values = to_json(PRESETS[match["size"]]) | {
        "img_size": square(inputs["input_size"][1:]),
        "patch_size": int(match["patch"]),
        "in_chans": inputs["input_size"][0],
        "num_classes": config["num_classes"],
        "global_pool": config.get("global_pool", "token"),
        "dist_token": match["dist"] is not None,
        "reg_tokens": 4 if match["reg"] else 0,
        "no_embed_class": bool(match["reg"]) or match["family"] == "deit3",
    }
    if match["tail"] == "dinov2" or match["family"] == "deit3":
        values["init_values"] = 1e-5 if match["tail"] == "dinov2" else 1e-6
    values |= {key: value for key, value in args.items() if key not in TIMM_RUNTIME_ARGS}
    model = from_json(ViTConfig, values)
    data = DataConfig(
        dataset="imagenet" if model.num_classes == 1000 else "",
        img_size=model.img_size,
        mean=triple(inputs["mean"]),
        std=triple(inputs["std"]),
        interpolation=interpolation(inputs["interpolation"]),
        crop_pct=float(inputs["crop_pct"]),
    )
    return Description(name, model, data, class_names(model.num_classes, config.get("label_names")))


def describe_transformers(config: Json, preprocessor: Json) -> Description:
    """transformers' ViT. Its preprocessing squashes a picture to a square where ours crops the centre."""
    if config["model_type"] != "vit":
        raise ValueError(f"model_type {config['model_type']!r} is not known, only 'vit' is")
    if config.get("hidden_act", "gelu") != "gelu":
        raise ValueError(f"hidden_act {config['hidden_act']!r} is not known, only 'gelu' is")
    architecture = config.get("architectures", ["ViTForImageClassification"])[0]
    labels = config.get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})  # two is what transformers leaves out
    names = [labels[key] for key in sorted(labels, key=int)]
    head = architecture == "ViTForImageClassification"
    width = config["hidden_size"]
    model = ViTConfig(
        img_size=square(config["image_size"]),
        patch_size=square(config["patch_size"]),
        in_chans=config.get("num_channels", 3),
        num_classes=len(names) if head else 0,
        embed_dim=width,
        depth=config["num_hidden_layers"],
        num_heads=config["num_attention_heads"],
        mlp_ratio=config["intermediate_size"] / width,
        qkv_bias=config.get("qkv_bias", True),
        norm_eps=config.get("layer_norm_eps", 1e-12),
    )
    data = DataConfig(
        dataset="imagenet" if model.num_classes == 1000 else "",
        img_size=model.img_size,
        mean=triple(preprocessor.get("image_mean", (0.5, 0.5, 0.5))),
        std=triple(preprocessor.get("image_std", (0.5, 0.5, 0.5))),
        interpolation=interpolation(preprocessor.get("resample", 2)),
        crop_pct=crop_share(preprocessor),
    )
    return Description(architecture, model, data, tuple(names) if head else (), TRANSFORMERS_KEYS)


def class_names(count: int, given: Any) -> tuple[str, ...]:
    """`count` names: ImageNet's for 1000 classes (timm gives none there), else those `given`."""
    if count == 1000:
        return imagenet_classes()
    if isinstance(given, list) and len(given) == count:
        return tuple(given)
    return tuple(f"class {index}" for index in range(count))


def crop_share(preprocessor: Json) -> float:
    """`crop_pct` of a transformers image processor: the crop's edge over the resized picture's."""
    if not preprocessor.get("do_center_crop", False):
        return 1.0
    return edge(preprocessor["crop_size"]) / edge(preprocessor["size"])


def edge(size: Any) -> int:
    """The (shorter) edge of a size that is a number or a dict."""
    return int(min(size.values())) if isinstance(size, Mapping) else int(size)


def square(size: Any) -> int | tuple[int, int]:
    """A size as one int where both edges are equal."""
    if isinstance(size, int):
        return size
    height, width = size
    return height if height == width else (height, width)


def triple(values: Any) -> tuple[float, float, float]:
    """Three channel statistics. Raises ValueError when there are not three."""
    red, green, blue = values
    return float(red), float(green), float(blue)


def interpolation(name: Any) -> Literal["bicubic", "bilinear"]:
    """A resampling filter by its name or by Pillow's number for it. Raises ValueError naming another."""
    if name in ("bicubic", 3):
        return "bicubic"
    if name in ("bilinear", 2):
        return "bilinear"
    raise ValueError(f"interpolation must be bicubic or bilinear, got {name!r}")
