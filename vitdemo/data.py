"""From a decoded picture to what the model sees: the test-time transform."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vitdemo.config import DataConfig, as_pair

VIEW_SIZE = 448


@dataclass(frozen=True, eq=False)
class Prepared:
    """One image, ready: `pixels` (1, 3, h, w), normalised, for the model; `view`, the very same crop of the
    original as RGB, an integer multiple of (h, w) with its long edge at least 448 px, for every overlay."""

    pixels: Float[Tensor, "1 3 h w"]
    view: Image.Image


def preprocess(image: Image.Image, *, config: DataConfig) -> Prepared:
    """The test-time transform of timm and torchvision: shorter edge to `img_size / crop_pct`, rounded
    down, with antialiasing, centre crop to `img_size`, scale to [0, 1], normalise.

    `image` is any 8-bit RGB image, such as `decode` returns; one that has `img_size` already and
    `crop_pct` 1 keeps its exact pixels. The view is cut out of the original by the same geometry.
    """
    height, width = as_pair(config.img_size)
    resized = _resized_size(image.size, config)
    left, top = round((resized[0] - width) / 2), round((resized[1] - height) / 2)
    box = (left, top, left + width, top + height)

    seen = image.resize(resized, Image.Resampling[config.interpolation.upper()]).crop(box)
    pixels = torch.from_numpy(np.array(seen)).permute(2, 0, 1).float() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (config.mean, config.std))

    zoom = math.ceil(VIEW_SIZE / max(height, width))
    back = [edge * full / small for edge, full, small in zip(box, image.size * 2, resized * 2, strict=True)]
    source_box = (back[0], back[1], min(back[2], image.width), min(back[3], image.height))
    view = image.resize((width * zoom, height * zoom), Image.Resampling.BICUBIC, box=source_box)
    return Prepared(pixels=((pixels - mean) / std).unsqueeze(0), view=view)


def _resized_size(size: tuple[int, int], config: DataConfig) -> tuple[int, int]:
    """(width, height) before the centre crop; the roundings are torchvision's for a square target and
    those of timm's ResizeKeepRatio otherwise, because one pixel more would be another transform."""
    width, height = size
    target_h, target_w = (math.floor(edge / config.crop_pct) for edge in as_pair(config.img_size))
    if target_h == target_w:
        short = min(size)
        return int(target_w * width / short), int(target_h * height / short)
    ratio = min(height / target_h, width / target_w)
    return round(width / ratio), round(height / ratio)
