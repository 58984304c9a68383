"""Words and layout inside pictures, in the language of whoever is being answered, on opaque paper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from vitdemo.message import said
from vitdemo.render.palette import INK, PAPER

CHINESE = Path(__file__).with_name("letters.otf")  # made by tools/letters.py of Noto Sans CJK (letters.txt)
# PIL's built-in font has Latin letters only; what it lacks is written out instead of drawn as an empty box.
_SPELLING = str.maketrans({"→": "->", "×": "x", "≥": ">=", "≤": "<=", "−": "-", "–": "-", "ρ": "rho"})
# A word and the blank after it, or one Chinese character and the punctuation that must not begin a line.
_PIECE = re.compile(r"[^\s\u2e80-\u9fff]+\s*|[\u2e80-\u9fff][\u3001\u3002\uff00-\uffef]*\s*")

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def load_font(size: int, text: str = "") -> Font:
    """Return the font that has the letters of `text`, at a height in pixels."""
    return _chinese(size) if is_chinese(text) else _latin(size)


@lru_cache(maxsize=32)
def _latin(size: int) -> Font:
    return ImageFont.load_default(size=size)


@lru_cache(maxsize=32)
def _chinese(size: int) -> Font:
    return ImageFont.truetype(str(CHINESE), size)


def is_chinese(text: str) -> bool:
    """Return whether `text` has a Chinese character or sign."""
    return any("\u2e80" <= letter <= "\uffef" for letter in text)


def font_size(width: int) -> int:
    """Return a size that stays readable when so wide a figure is shown on a phone: 20 pixels at 448."""
    return max(16, round(width / 22))


def respell(text: str) -> str:
    """Return the text as it is said to the visitor, with only such signs as its font has."""
    words = said(text)
    return words if is_chinese(words) else words.translate(_SPELLING)


def wrap(text: str, width: int, size: int) -> list[str]:
    """Return lines of at most `width` pixels, broken at spaces and between Chinese characters.

    A single longer word keeps a line of its own.
    """
    words = " ".join(respell(text).split())
    lines: list[str] = []
    for piece in _PIECE.findall(words):
        longer = f"{lines[-1]}{piece}" if lines else piece
        if lines and load_font(size, words).getlength(longer.rstrip()) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    return [line.rstrip() for line in lines]


def draw_caption(text: str, width: int, *, size: int | None = None) -> Image.Image:
    """Return a strip of paper with the text on it, wrapped to the width; as high as the text needs."""
    size = size or font_size(width)
    pad, leading = size // 3, round(size * 1.25)
    lines = wrap(text, width - 2 * pad, size)
    strip = Image.new("RGB", (width, leading * max(1, len(lines)) + pad), PAPER)
    draw = ImageDraw.Draw(strip)
    words = "".join(lines)
    top = 0 if is_chinese(words) else pad // 2  # Noto leaves more room above its letters
    for index, line in enumerate(lines):
        draw.text((pad, top + index * leading), line, fill=INK, font=load_font(size, words))
    return strip


def stack(images: Sequence[Image.Image]) -> Image.Image:
    """Return pictures one below the other, left edges aligned."""
    sheet = Image.new("RGB", (max(i.width for i in images), sum(i.height for i in images)), PAPER)
    top = 0
    for image in images:
        sheet.paste(image, (0, top))
        top += image.height
    return sheet
