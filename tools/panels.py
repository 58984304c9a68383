"""Panels of the figures: pictures out of numbers and out of other pictures, side by side, as a file."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from PIL import Image

from vitdemo import render
from vitdemo.render.geometry import mask_grid_lines, spread
from vitdemo.render.palette import LINE, PAPER, where

EDGE, GAP = 300, 12


def draw_matrix(table: Float[np.ndarray, "n n"]) -> Image.Image:
    """Return a matrix as flat cells, its largest value brightest."""
    colours = render.Scale(0.0, float(table.max()), "").colours(table)
    edge = -(-EDGE // len(table)) * len(table)
    return Image.fromarray(spread(colours, (edge, edge)))


def draw_grid(image: Image.Image, grid: tuple[int, int]) -> Image.Image:
    """Return the picture under the lines between patches."""
    return where(mask_grid_lines(image.size, grid), Image.new("RGB", image.size, LINE), image)


def enlarge(image: Image.Image) -> Image.Image:
    """Return the picture with its pixels visible, some 448 of the screen's on an edge."""
    factor = 448 // image.width
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def fit(image: Image.Image) -> Image.Image:
    """Return the picture at the size of a panel."""
    return image.resize((EDGE, EDGE), Image.Resampling.LANCZOS)


def place_beside(images: Sequence[Image.Image], *, columns: int) -> Image.Image:
    """Return pictures of one size in rows of `columns`."""
    width, height = images[0].width + GAP, images[0].height + GAP
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * width - GAP, rows * height - GAP), PAPER)
    for index, image in enumerate(images):
        sheet.paste(image, (index % columns * width, index // columns * height))
    return sheet


def encode(image: Image.Image) -> bytes:
    """Return the smaller one of a lossless and a lossy WebP."""
    files = []
    for lossless in (True, False):
        file = io.BytesIO()
        image.save(file, format="WEBP", lossless=lossless, quality=85, method=6)
        files.append(file.getvalue())
    return min(files, key=len)
