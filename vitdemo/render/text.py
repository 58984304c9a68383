"""Words and layout inside pictures: PIL's own scalable font on opaque paper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from vitdemo.render.palette import INK, PAPER

# The built-in font has Latin letters only; what it lacks is written out instead of drawn as an empty box.
_SPELLING = str.maketrans({"→": "->", "×": "x", "≥": ">=", "≤": "<=", "−": "-", "–": "-", "ρ": "rho"})


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The built-in font at a height in pixels."""
    return ImageFont.load_default(size=size)


def font_size(width: int) -> int:
    """Letters that stay readable when a figure of this width is shown on a phone: 20 pixels at 448."""
    return max(16, round(width / 22))


def spelled(text: str) -> str:
    """The text with only such signs as the font has."""
    return text.translate(_SPELLING)


def wrap(text: str, width: int, size: int) -> list[str]:
    """Lines of at most `width` pixels, broken at spaces; a single longer word keeps a line of its own."""
    lines: list[str] = []
    for word in spelled(text).split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(size).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def caption(text: str, width: int, *, size: int | None = None) -> Image.Image:
    """A strip of paper with the text on it, wrapped to the width; as high as the text needs."""
    size = size or font_size(width)
    pad, leading = size // 3, round(size * 1.25)
    lines = wrap(text, width - 2 * pad, size)
    strip = Image.new("RGB", (width, leading * max(1, len(lines)) + pad), PAPER)
    draw = ImageDraw.Draw(strip)
    for index, line in enumerate(lines):
        draw.text((pad, pad // 2 + index * leading), line, fill=INK, font=font(size))
    return strip


def stack(images: Sequence[Image.Image]) -> Image.Image:
    """Pictures one below the other, left edges aligned."""
    sheet = Image.new("RGB", (max(i.width for i in images), sum(i.height for i in images)), PAPER)
    top = 0
    for image in images:
        sheet.paste(image, (0, top))
        top += image.height
    return sheet
