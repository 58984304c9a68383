"""transformers' preprocessor_config.json: its flags as our test-time transform, or a sentence naming one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Literal

from vitdemo.config import RANGES, DataConfig, Size, as_pair, simplify_size
from vitdemo.datasets import IMAGENET_MEAN, IMAGENET_STD
from vitdemo.kinds import check_range, check_value, take
from vitdemo.message import Message
from vitdemo.weights.records import Json

TYPE = re.compile(r"(?P<family>\w+?)(ImageProcessor|FeatureExtractor)(Fast|Pil)?")
# What a file leaves out; null is false, or missing where a value is needed, as the library has it.
COMMON: dict[str, Any] = {
    "do_resize": True,
    "default_to_square": True,
    "do_center_crop": False,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": 0.5,
    "image_std": 0.5,
    "do_pad": False,
}
CLIP = COMMON | {
    "image_mean": (0.48145466, 0.4578275, 0.40821073),
    "image_std": (0.26862954, 0.26130258, 0.27577711),
    "size": {"shortest_edge": 224},
    "default_to_square": False,
    "resample": 3,
    "do_center_crop": True,
    "crop_size": 224,
}
EDGES = {"height": 224, "width": 224}
PROCESSORS: dict[str, dict[str, Any]] = {
    "ViT": COMMON | {"size": EDGES, "resample": 2},
    "DeiT": COMMON | {"size": 256, "resample": 3, "do_center_crop": True, "crop_size": 224},
    "Siglip": COMMON | {"size": EDGES, "resample": 3, "default_to_square": False},
    "CLIP": CLIP,
    "Bit": CLIP,
    "DINOv3ViT": COMMON
    | {"size": EDGES, "resample": 2, "image_mean": IMAGENET_MEAN, "image_std": IMAGENET_STD},
}
EXACT = ("DINOv3ViT",)  # those that resize what they have rescaled
FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")  # by Pillow's numbers
Edges = tuple[int, int]


def describe_data(preprocessor: Json, *, img_size: Size | None, channels: int) -> DataConfig:
    """Return how a network of `img_size` and `channels` sees pictures; without a file as a ViT of its size.

    `img_size` None: a network of any size, for which the file alone tells it.

    Raise ValueError naming the flag for what the library refuses too, and for what would not make every
    picture one of `img_size`.
    """
    name = take(preprocessor, "image_processor_type", str, "") or take(
        preprocessor, "feature_extractor_type", str, "ViTImageProcessor"
    )
    match = TYPE.fullmatch(name)
    if match is None or match["family"] not in PROCESSORS:
        raise make_unknown("image_processor_type", name, PROCESSORS)
    values = {**PROCESSORS[match["family"]], **(preprocessor or {"size": img_size})}
    mode, crop, crop_pct = read_geometry(values)
    if img_size is not None and crop != as_pair(img_size):
        key, wanted = "crop_size" if values["do_center_crop"] else "size", as_pair(img_size)
        raise ValueError(
            Message(
                "{key} is {size}, but image_size is {wanted}",
                key=key,
                size=spell_edges(crop),
                wanted=spell_edges(wanted),
            )
        )
    mean, std = read_statistics(values, channels)
    resample = take(values, "resample", int)
    check_range("resample", resample, 0, len(FILTERS) - 1)
    return DataConfig(
        dataset="",
        img_size=simplify_size(crop),
        mean=mean,
        std=std,
        interpolation=FILTERS[resample],
        crop_pct=crop_pct,
        crop_mode=mode,
        rounding="transformers",
        exact=match["family"] in EXACT,
    )


def read_geometry(values: Json) -> tuple[Literal["center", "squash"], Edges, float]:
    """Return our `crop_mode`, the (height, width) that comes out, and our `crop_pct`.

    Raise ValueError naming what does not make every picture one of that size.
    """
    if not take(values, "do_resize", bool | None):
        raise ValueError(
            Message("do_resize must be true: pictures of any size come, and the network takes one size")
        )
    if take(values, "do_pad", bool | None):
        raise ValueError(Message("do_pad must be false: pictures with a border at their end are not known"))
    cropped = take(values, "do_center_crop", bool | None)
    mode, size = read_size(values)
    if mode == "center" and not cropped:
        raise ValueError(Message("do_center_crop must be true where size gives only the shortest edge"))
    crop = take_edges(values, "crop_size") if cropped else size
    if crop[0] > size[0] or crop[1] > size[1]:
        raise ValueError(
            Message(
                "crop_size {crop} is larger than size {size}", crop=spell_edges(crop), size=spell_edges(size)
            )
        )
    if mode == "center" and crop[0] != crop[1]:
        raise ValueError(Message("crop_size must be a square where size gives only the shortest edge"))
    return mode, crop, crop_share(crop, size)


def read_size(values: Json) -> tuple[Literal["center", "squash"], Edges]:
    """Return what `size` asks for: (height, width) whatever the picture's shape, or its short edge, twice."""
    size = take(values, "size", Size | dict)
    if isinstance(size, dict) and size.keys() == {"shortest_edge"}:
        edge = take(size, "shortest_edge", int)
    elif isinstance(size, int) and not take(values, "default_to_square", bool | None):
        edge = size
    else:
        return "squash", take_edges(values, "size")
    check_range("size", edge, *RANGES["img_size"])
    return "center", (edge, edge)


def take_edges(values: Json, key: str) -> Edges:
    """Return the (height, width) under `key`, a number, a list or an object. Raise ValueError naming it."""
    size = take(values, key, Size | dict)
    if isinstance(size, dict):
        if size.keys() != {"height", "width"}:
            given = str(sorted(map(str, size)))
            raise ValueError(Message("{key} must have height and width, got {given}", key=key, given=given))
        size = (size["height"], size["width"])
        check_value(key, size, Size)
    height, width = as_pair(tuple(size) if isinstance(size, list) else size)
    check_range(key, (height, width), *RANGES["img_size"])
    return height, width


def crop_share(crop: Edges, size: Edges) -> float:
    """Return the `crop_pct` with which `crop` is cut out of exactly `size`, as it is rounded down."""
    low = max(edge / (full + 1) for edge, full in zip(crop, size, strict=True))
    high = min(edge / full for edge, full in zip(crop, size, strict=True))
    for crop_pct in (high, (low + high) / 2):
        if all(math.floor(edge / crop_pct) == full for edge, full in zip(crop, size, strict=True)):
            return crop_pct
    raise ValueError(
        Message(
            "crop_size {crop} must have the shape of size {size}",
            crop=spell_edges(crop),
            size=spell_edges(size),
        )
    )


def spell_edges(edges: Edges) -> str:
    """Return height and width as a message has them."""
    return f"{edges[0]} x {edges[1]}"


def make_unknown(key: str, name: str, known: Iterable[str]) -> ValueError:
    """Return the error for a `name` under `key` that is none of the `known`."""
    return ValueError(
        Message(
            "{key} {name} is not known, only {known} are", key=key, name=repr(name), known=", ".join(known)
        )
    )


def read_statistics(values: Json, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and standard deviation for pixels in [0, 1], whatever the library does before."""
    mean, std = (0.0,) * channels, (1.0,) * channels
    if take(values, "do_normalize", bool | None):
        mean = take_per_channel(values, "image_mean", channels, (-1e6, 1e6))
        std = take_per_channel(values, "image_std", channels, (1e-6, 1e6))
    factor = 1.0
    if take(values, "do_rescale", bool | None):
        factor = take(values, "rescale_factor", float)
        check_range("rescale_factor", factor, 1e-6, 1e6)
    scale = 255 * factor  # of a pixel in [0, 1], as it enters the normalisation
    return tuple(value / scale for value in mean), tuple(value / scale for value in std)


def take_per_channel(values: Json, key: str, channels: int, bounds: tuple[float, float]) -> tuple[float, ...]:
    """Return a number for each channel; one alone is for all. Raise ValueError naming `key`."""
    found = take(values, key, float | tuple[float, ...])
    numbers = (found,) * channels if isinstance(found, (int, float)) else tuple(found)
    if len(numbers) != channels:
        raise ValueError(
            Message(
                "{key} has {count} values, but num_channels is {channels}",
                key=key,
                count=len(numbers),
                channels=channels,
            )
        )
    check_range(key, numbers, *bounds)
    return numbers
