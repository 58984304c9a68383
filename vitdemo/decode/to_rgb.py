"""From a loaded picture of any mode to 8-bit sRGB on white, strip by strip: temporary copies stay small."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageFile

Step = Callable[[Image.Image], Image.Image]

LARGEST_PROFILE = 2**21  # bytes; printers' have up to about one and a half million
_STRIP = 2**18  # pixels of a strip, about
_SAMPLES = {"L;2": 2, "L;4": 4, "L": 8, "RGB": 8, "RGB;16B": 16}  # Pillow's name for them in a PNG -> bits


def to_rgb(image: Image.Image, *, factor: int = 1) -> Image.Image:
    """Return `image`, which is loaded, as a new RGB image, each edge `factor` times smaller, rounded up."""
    steps = _plan_steps(image)
    width, height = (-(-edge // factor) for edge in image.size)
    rgb = Image.new("RGB", (width, height))
    for top, strip in _cut_strips(image, multiple=factor):
        for step in steps:
            strip = step(strip)
        rgb.paste(strip.reduce(factor) if factor > 1 else strip, (0, top // factor))
    return rgb


def scale_key(image: ImageFile.ImageFile) -> dict[str, Any]:
    """Return the transparent colour of an opened PNG on the scale of its pixels, as an entry of its info.

    Pillow leaves it on that of the file, where grey has 2 or 4 bits, or RGB has 16 of which it keeps 8.
    """
    key = image.info.get("transparency")
    bits = _SAMPLES.get(str(image.tile[0].args)) if image.format == "PNG" and image.tile else None
    if bits is None or not isinstance(key, (int, tuple)):
        return {}
    largest = 2**bits - 1
    scaled = [(value & largest) * 255 // largest for value in (key if isinstance(key, tuple) else [key])]
    return {"transparency": tuple(scaled) if isinstance(key, tuple) else scaled[0]}


def _cut_strips(image: Image.Image, *, multiple: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Yield (first row, full-width part) from the top; all but the last have a `multiple` of rows."""
    rows = max(1, _STRIP // (image.width * multiple)) * multiple
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _plan_steps(image: Image.Image) -> list[Step]:
    """Return what makes 8-bit sRGB of any strip of `image`, in order."""
    if image.mode == "F" or image.mode.startswith("I"):
        mode, first = "L", _make_eight_bit(image)
    elif _has_alpha(image):
        mode, first = "RGBA", _convert_to("RGBA")
    elif image.mode == "LAB":  # convert() would prepare for it anew in each strip
        mode, first = "RGB", _build_transform(ImageCms.createProfile("LAB"), "LAB", "RGB")
    else:
        mode = image.mode if image.mode in ("L", "RGB", "CMYK") else "RGB"
        first = _convert_to(mode)
    profile = image.info.get("icc_profile")
    coloured = _to_srgb(mode, profile) if profile else None
    steps = [first, coloured, _put_on_white if mode == "RGBA" else _convert_to("RGB")]
    return [step for step in steps if step is not None]


def _convert_to(mode: str) -> Step:
    return lambda strip: strip.convert(mode)


def _put_on_white(strip: Image.Image) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip).convert("RGB")


def _has_alpha(image: Image.Image) -> bool:
    """Return whether `image` has any; bytes are the alpha of a palette, and mean nothing without one."""
    stray = isinstance(image.info.get("transparency"), bytes) and image.mode in ("1", "L", "RGB")
    return image.has_transparency_data and not stray


def _make_eight_bit(image: Image.Image) -> Step:
    """Return what makes 8-bit grey of 16 or 32 bits, integer or float; a transparent value becomes white."""
    low, high = _find_range(image)
    key = image.info.get("transparency")

    def step(strip: Image.Image) -> Image.Image:
        values = np.asarray(strip).astype(np.float64)
        scaled = np.nan_to_num((values - low) / ((high - low) or 1.0) * 255)
        grey = np.rint(scaled.clip(0, 255)).astype(np.uint8)
        if isinstance(key, int):
            grey[values == key] = 255
        return Image.fromarray(grey)

    return step


def _find_range(image: Image.Image) -> tuple[float, float]:
    """Return what becomes black and what white: the extremes of the finite values, or those of 16 bits."""
    low, high = np.inf, -np.inf
    for _, strip in _cut_strips(image):
        values = np.asarray(strip)
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if image.mode != "F" and low >= 0 and high <= 65535:
        return 0.0, 65535.0
    return (low, high) if low <= high else (0.0, 0.0)


def _to_srgb(mode: str, profile: Any) -> Step | None:
    """Return the way from `profile` to sRGB; None where it is broken, of another colour space, or sRGB."""
    if len(profile) > LARGEST_PROFILE or b"mpet" in profile:
        return None  # its pipeline may have any number of steps, over the same few bytes again and again
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return _build_transform(source, mode, "RGBA" if mode == "RGBA" else "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _build_transform(source: Any, mode: str, result: str) -> Step:
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, result)
    return lambda strip: ImageCms.applyTransform(strip, transform) or strip
