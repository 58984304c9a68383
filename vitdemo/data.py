"""From a decoded picture to what the model sees: the test-time transform."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vitdemo.config import DataConfig, as_pair
from vitdemo.limits import Limits
from vitdemo.message import Message

VIEW_SIZE = 448


@dataclass(frozen=True, eq=False)
class Prepared:
    """One image, ready for a network.

    `pixels`: (1, 3, h, w), or (1, 1, h, w) of a grey model, normalised. `view`: the very same crop of the
    original (squashed, grey or with borders where the model sees it so) as RGB, for every overlay; an integer
    multiple of (h, w) with its long edge at least 448 px.
    """

    pixels: Float[Tensor, "1 ch h w"]
    view: Image.Image


def preprocess(
    image: Image.Image, *, config: DataConfig, megapixels: int = Limits.resize_megapixels
) -> Prepared:
    """Return `image` after the test-time transform of timm and of transformers' PIL processors.

    Resize to `crop_size / crop_pct`, rounded down, with antialiasing, as `crop_mode` says; crop the centre,
    and of that the top left corner of `img_size`; scale to [0, 1]; normalise.

    Pixels are whole numbers after the resize unless the config says `exact`.

    `image` is any 8-bit RGB image, such as `decode` returns; one that has `img_size` already and
    `crop_pct` 1 keeps its exact pixels. The view is cut out of the original by the same geometry. Raise
    ValueError where it would have more than `megapixels` on the way, most of which is then cut off.
    """
    (height, width), (crop_h, crop_w) = as_pair(config.img_size), _crop_size(config)
    if len(config.mean) == 1:
        image = image.convert("L")
    resized = _resized_size(image.size, config)
    most = resized[0] * max(resized[1], image.height)  # Pillow resizes across first, then down
    if most > megapixels * 10**6:
        raise ValueError(
            Message(
                "The shape of this picture, {width} × {height}, is too far from the network's: "
                "cut out a part of it",
                width=image.width,
                height=image.height,
            )
        )
    left, top = _offset(resized[0] - crop_w, config), _offset(resized[1] - crop_h, config)
    fill = tuple(min(max(round(255 * value), 0), 255) for value in config.mean)  # of borders

    bands = image.split() if not config.exact else [band.convert("F") for band in image.split()]
    planes = []
    for band, border in zip(bands, fill, strict=True):
        seen = Image.new(band.mode, (width, height), border)
        seen.paste(band.resize(resized, Image.Resampling[config.interpolation.upper()]), (-left, -top))
        planes.append(torch.from_numpy(np.array(seen)).float() / 255)
    pixels = torch.stack(planes)
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (config.mean, config.std))

    zoom = math.ceil(VIEW_SIZE / max(height, width))
    inner = (max(left, 0), max(top, 0), min(left + width, resized[0]), min(top + height, resized[1]))
    back = [edge * full / small for edge, full, small in zip(inner, image.size * 2, resized * 2, strict=True)]
    source = (back[0], back[1], min(back[2], image.width), min(back[3], image.height))
    enlarged = ((inner[2] - inner[0]) * zoom, (inner[3] - inner[1]) * zoom)
    view = Image.new(image.mode, (width * zoom, height * zoom), fill)
    place = ((inner[0] - left) * zoom, (inner[1] - top) * zoom)
    view.paste(image.resize(enlarged, Image.Resampling.BICUBIC, box=source), place)
    return Prepared(pixels=((pixels - mean) / std).unsqueeze(0), view=view.convert("RGB"))


def _crop_size(config: DataConfig) -> tuple[int, int]:
    """Return the (height, width) of the centre crop."""
    return as_pair(config.crop_size or config.img_size)


def _resized_size(size: tuple[int, int], config: DataConfig) -> tuple[int, int]:
    """Return (width, height) before the centre crop.

    The roundings are torchvision's for a square target and those of timm's ResizeKeepRatio otherwise, because
    one pixel more would be another transform.
    """
    width, height = size
    target_h, target_w = (math.floor(edge / config.crop_pct) for edge in _crop_size(config))
    if config.crop_mode == "squash":
        return target_w, target_h
    ratios = height / target_h, width / target_w
    if config.crop_mode == "border":
        return max(1, round(width / max(ratios))), max(1, round(height / max(ratios)))
    if target_h == target_w:
        short = min(size)
        return int(target_w * width / short), int(target_h * height / short)
    return round(width / min(ratios)), round(height / min(ratios))


def _offset(spare: int, config: DataConfig) -> int:
    """Return the pixels to cut before the crop, where an edge has `spare` more; less than 0 are a border."""
    if spare < 0:
        return -(-spare // 2)
    return spare // 2 if config.rounding == "transformers" else round(spare / 2)
