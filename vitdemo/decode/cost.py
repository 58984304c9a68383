"""What decoding a picture takes, read off its bytes and its header: memory, and passes over its pixels."""

import re
from itertools import islice
from operator import index
from typing import Any

from PIL import Image

from vitdemo.decode.frames import count_coded_pixels
from vitdemo.limits import MEGABYTE, Limits

# Bytes that Pillow needs for a pixel of a mode; 4 for all others.
_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
# Bytes for a pixel that the readers of these formats hold beside the file. libwebp: two canvases, a copy, the
# image. libavif: four planes of up to 16 bits, a copy, the image.
_HELD = {"WEBP": 16, "AVIF": 17}
_RESERVE = 16 * MEGABYTE  # for strips, tables and profiles
_STEP = 3  # pixels that Python's loop fills in the time that it takes to read a byte
_TEXT = 64 * MEGABYTE  # that Pillow unpacks at most of the texts of a PNG

_COMPRESSION, _BITS, _TURNED, _SAMPLES, _ROWS, _TILE_WIDTH, _TILE_LENGTH = 259, 258, 274, 277, 278, 322, 323
_SCAN = re.compile(rb"\xff\xda..(.)", re.DOTALL)


def cost_of_loading(image: Image.Image, data: bytes, *, full: tuple[int, int]) -> int:
    """Return the bytes that `image.load()` takes at its peak beside `data`, its file.

    `full`: the size before a draft.
    """
    pixels, own = image.width * image.height, cost_of_holding(image)
    if image.format == "WEBP":
        return own + len(data)
    if image.format == "AVIF":  # alpha and a thumbnail make hardly three times of what is shown
        return max(own, _HELD["AVIF"] * count_coded_pixels(data) // 3) + len(data)
    if image.format in ("JPEG", "MPO"):
        return own + _count_coefficients(image, data, full)
    if image.format == "TIFF":
        return own + _count_block(image)
    if image.format == "PNG" and (b"zTXt" in data or b"iTXt" in data):
        return own + _TEXT
    return own + 2 * pixels * (image.format in ("BMP", "GIF"))


def cost_of_holding(image: Image.Image) -> int:
    """Return the bytes that a loaded `image` takes."""
    each = _HELD.get(image.format or "", _PIXEL.get(image.mode, 4))
    return _RESERVE + image.width * image.height * each


def _count_coefficients(image: Any, data: bytes, full: tuple[int, int]) -> int:
    """Return the bytes of the coefficients of a JPEG, all in memory unless one scan has all components."""
    shapes = [(across, down) for _, across, down, _ in image.layer]
    apart = any(match[1][0] < len(shapes) for match in _SCAN.finditer(data))
    if not apart and "progressive" not in image.info:
        return 0
    largest = max(across for across, _ in shapes) * max(down for _, down in shapes)
    return 2 * full[0] * full[1] * sum(across * down for across, down in shapes) // largest


def _count_block(image: Any) -> int:
    """Return the bytes of what the TIFF reader unpacks at once, strip or tile, and of turning its picture.

    Raise TypeError where one of these tags is no whole number.
    """
    tags = image.tag_v2
    turned = 4 * image.width * image.height * (tags.get(_TURNED, 1) != 1)
    if tags.get(_COMPRESSION, 1) == 1:
        return turned
    rows = index(tags.get(_TILE_LENGTH, 0)) or min(index(tags.get(_ROWS, image.height)), image.height)
    sample = max(tags.get(_BITS, (1,))) * index(tags.get(_SAMPLES, 1))
    return turned + index(tags.get(_TILE_WIDTH, image.width)) * rows * max(4, sample // 8)


def find_exceeded_limit(image: Any, data: bytes, limits: Limits) -> int | None:
    """Return the megapixels that so slow a file may have, where `image` has more; None for all others.

    Slow are a loop of Python and many scans of a JPEG. All other readers take a second or two for the largest
    picture that is let in.
    """
    steps, most = image.width * image.height, limits.slow_megapixels
    if any(tile[0] == "bmp_rle" for tile in image.tile):
        steps += _STEP * len(data)
    elif image.format in ("JPEG", "MPO"):
        most = most * limits.jpeg_scans // max(1, len(_SCAN.findall(data)))
    else:
        return None
    return most if steps > most * 1_000_000 else None


def are_too_many_scans(data: bytes, *, most: int) -> bool:
    """Return whether a file is a JPEG that passes over its picture more than `most` times."""
    return data.startswith(b"\xff\xd8") and next(islice(_SCAN.finditer(data), most, None), None) is not None
