"""timm's Hub format: the architecture's name, what departs from it, the preprocessing and the names."""

from __future__ import annotations

import re
from typing import Any

from vitdemo.config import DataConfig, Size, ViTConfig
from vitdemo.datasets import IMAGENET_MEAN, IMAGENET_STD, imagenet_classes
from vitdemo.kinds import check_value, from_json, take, to_json
from vitdemo.registry import PRESETS
from vitdemo.weights.records import Description, Json

NAME = re.compile(
    r"(?P<family>vit|deit|deit3)_(?P<size>tiny|small|base|large|huge)(?P<dist>_distilled)?"
    r"_patch(?P<patch>\d{1,4})(?P<reg>_reg4)?_(?P<tail>\d+|dinov2)"
)
RUNTIME_ARGS = {"dynamic_img_size", "dynamic_img_pad", "drop_rate", "drop_path_rate", "weight_init"}
DEFAULT_CROP_PCT = 0.875  # timm's, where a config says nothing


def describe_timm(config: Json, *, official: bool) -> Description:
    """Describe what is in timm's format: the plain ViT, DeiT, DeiT III and DINOv2; tensor names are ours.

    `official`: it lies in one of timm's own repositories, so that its tag tells what it was trained on.
    """
    name, inputs = take(config, "architecture", str), take(config, "pretrained_cfg", dict)
    match = NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"architecture {name!r} is not known")
    channels, height, width = take(inputs, "input_size", tuple[int, int, int], (3, 224, 224))
    values: dict[str, Any] = to_json(PRESETS[match["size"]]) | {
        "img_size": (height, width),
        "patch_size": int(match["patch"]),
        "in_chans": channels,
        "num_classes": take(config, "num_classes", int),
        "global_pool": take(config, "global_pool", str, "token"),
        "dist_token": match["dist"] is not None,
        "reg_tokens": 4 if match["reg"] else 0,
        "no_embed_class": bool(match["reg"]) or match["family"] == "deit3",
    }
    if match["tail"] == "dinov2" or match["family"] == "deit3":
        values["init_values"] = 1e-5 if match["tail"] == "dinov2" else 1e-6
    args = take(config, "model_args", dict, {})
    values |= {key: value for key, value in args.items() if key not in RUNTIME_ARGS}
    for key in ("img_size", "patch_size"):
        check_value(key, values[key], Size)
        values[key] = simplify_size(values[key])
    model = from_json(ViTConfig, values)
    names = read_names(config, inputs, count=model.num_classes)
    if not names and official and model.num_classes == 1000 and "in1k" in take(inputs, "tag", str, ""):
        names = imagenet_classes()
    data = {
        "dataset": "imagenet" if names == imagenet_classes() else "",
        "img_size": model.img_size,
        "mean": take(inputs, "mean", tuple[float, ...], IMAGENET_MEAN),
        "std": take(inputs, "std", tuple[float, ...], IMAGENET_STD),
        "interpolation": take(inputs, "interpolation", str, "bicubic"),
        "crop_pct": take(inputs, "crop_pct", float, DEFAULT_CROP_PCT),
        "crop_mode": take(inputs, "crop_mode", str, "center"),
    }
    classes = names or tuple(f"class {index}" for index in range(model.num_classes))
    return Description(name, model, from_json(DataConfig, data), classes)


def read_names(config: Json, inputs: Json, *, count: int) -> tuple[str, ...]:
    """Return the names that the config gives its `count` classes, () where it gives none.

    They lie under `label_names`, formerly `labels`, as a list or by index ("class 3" where an index has
    none), and may be ids that `label_descriptions` spells out. Raise ValueError for names of other classes.
    """
    places = [(source, key) for source in (config, inputs) for key in ("label_names", "labels")]
    source, key = next((place for place in places if place[0].get(place[1])), (config, "label_names"))
    labels = take(source, key, tuple[str, ...] | dict, ())
    told = take(config, "label_descriptions", dict, take(inputs, "label_descriptions", dict, {}))
    if not labels:
        return ()
    if not isinstance(labels, dict):
        if len(labels) != count:
            raise ValueError(f"{key} has {len(labels)} names, num_classes is {count}")
        labels = dict(enumerate(labels))
    indices = {str(index): name for index, name in labels.items()}
    if not indices.keys() <= {str(index) for index in range(count)}:
        raise ValueError(f"{key} must be names by index, from 0 to {count - 1}")
    found = [indices.get(str(index), f"class {index}") for index in range(count)]
    shown = tuple(told.get(name, name) if isinstance(name, str) else name for name in found)
    check_value(key, shown, tuple[str, ...])
    return shown


def simplify_size(size: Any) -> int | tuple[int, int]:
    """Return a checked size as one int where both edges are equal."""
    if isinstance(size, int):
        return size
    height, width = size
    return height if height == width else (height, width)
