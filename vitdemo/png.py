"""A picture as PNG: its bytes, and the address of itself."""

from __future__ import annotations

import base64
import io

from PIL import Image
from PIL.PngImagePlugin import PngInfo

LEVEL = 2  # of deflate: a quarter of the usual level's time, for a fifth more bytes


def encode_png(image: Image.Image, *, about: str = "") -> bytes:
    """Return the bytes of a PNG file; `about`: what its "Description" says, for those who find it later."""
    file, told = io.BytesIO(), PngInfo()
    if about:
        told.add_itxt("Description", about)
    image.save(file, "PNG", pnginfo=told, compress_level=LEVEL)
    return file.getvalue()


def make_png_url(image: Image.Image) -> str:
    """Return a picture as a data URL, for HTML and SVG that need no second file."""
    return make_data_url(encode_png(image), kind="image/png")


def make_data_url(content: bytes, *, kind: str) -> str:
    """Return a file of the media type `kind` as a data URL."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
