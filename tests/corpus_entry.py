"""A file of the corpus and what is right for it; a picture to make files of."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
LOSSLESS: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True, "exact": True}}
UNKNOWN, DAMAGED, GREEDY = "is not an image of a known format", "is damaged, cut short", "is not laid out as"
LARGE, LONG, HEAVY = "the limit is 64 megapixels", "at most 50 times the short one", "the limit is 300 MB"


@dataclass(frozen=True, eq=False)
class Entry:
    """A file, and what is right for it.

    With `says` (a regular expression) a sentence with these words is, with `pixels` or `size` a picture, at
    most `off` away from `pixels`; with both, either. A size of (0, 0) is any.
    """

    name: str
    data: bytes
    pixels: np.ndarray | None = None
    size: tuple[int, int] | None = None
    says: str = ""
    off: int = 0


def store(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **{**LOSSLESS.get(kind, {}), **options})
    return file.getvalue()


def draw_picture(width: int = 32, height: int = 24) -> np.ndarray:
    """Return two ramps and a coarse grid: no two rows, columns or mirrorings look the same."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    grid = 128 * ((across // 32 + down // 64) % 2)
    return np.stack([across, down, grid], axis=-1).astype(np.uint8)


def draw_grey(values: list[int]) -> np.ndarray:
    return np.repeat(np.array(values, dtype=np.uint8)[None, :, None], 3, axis=-1)
