"""The formats of config.json: vitdemo's own here, timm's, transformers' and OpenCLIP's in a file each."""

from __future__ import annotations

from vitdemo.config import DataConfig, ViTConfig, as_pair
from vitdemo.kinds import from_json, take
from vitdemo.message import Message
from vitdemo.weights.open_clip import describe_open_clip
from vitdemo.weights.predictors import KEY, join
from vitdemo.weights.records import Description, Json
from vitdemo.weights.timm import describe_timm
from vitdemo.weights.transformers import describe_transformers

KNOWN = {"format", "version", "name", "model", "data", "classes", "sha256", KEY}


def describe(config: Json, preprocessor: Json, *, official: bool = False) -> Description:
    """Read a config of any known format; `preprocessor` is transformers' second file, or empty.

    `official`: it lies in one of timm's own repositories. Raise ValueError naming what is unknown, missing
    or of a wrong kind.
    """
    if config.get("format") == "vitdemo":
        described = describe_own(config)
    elif "architecture" in config:
        described = describe_timm(config, official=official)
    elif "model_type" in config:
        described = describe_transformers(config, preprocessor)
    elif "model_cfg" in config:
        described = describe_open_clip(config)
    else:
        raise ValueError(Message("the format is none of vitdemo, timm, transformers and OpenCLIP"))
    channels, given = described.config.in_chans, len(described.data.mean)
    if channels != given:
        raise ValueError(
            Message(
                "the mean has {given} values, but the network takes {channels} channels",
                given=given,
                channels=channels,
            )
        )
    return join(described, config)


def describe_own(config: Json) -> Description:
    """Describe what is in vitdemo's own format; nothing in it may be unknown."""
    if unknown := sorted(config.keys() - KNOWN):
        raise ValueError(f"unknown key {unknown[0]!r}")
    if config.get("version") != 1:
        raise ValueError(f"version {config.get('version')!r} is not known, only 1 is")
    model = from_json(ViTConfig, take(config, "model", dict))
    data = from_json(DataConfig, take(config, "data", dict))
    if as_pair(data.img_size) != as_pair(model.img_size):
        raise ValueError(f"img_size is {data.img_size} in data, but {model.img_size} in model")
    classes = tuple(take(config, "classes", tuple[str, ...]))
    if len(classes) != model.num_classes:
        raise ValueError(f"classes has {len(classes)} names, num_classes is {model.num_classes}")
    name, sha256 = take(config, "name", str), take(config, "sha256", str, "")
    return Description(name, model, data, classes, sha256=sha256)
