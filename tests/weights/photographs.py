"""The photographs that networks of other libraries are compared with ours by."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "vitdemo" / "examples"


def list_photographs() -> list[Image.Image]:
    """Return two oblong ones, wide and tall, one square, and one grey."""
    wide = Image.open(EXAMPLES / "chelsea.webp").convert("RGB")
    tall = wide.rotate(90, expand=True).crop((0, 40, wide.height, wide.width))
    square = Image.open(EXAMPLES / "church.webp").convert("RGB")
    return [wide, tall, square, wide.convert("L")]
