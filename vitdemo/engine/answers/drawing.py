"""Pictures of what is inside a network, for the walk: numpy and PIL only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from vitdemo import render
from vitdemo.message import Message
from vitdemo.render.palette import INK, PAPER, stage_colours
from vitdemo.render.text import draw_caption, font_size, load_font, respell, stack

WIDTH = 448
GAP = 8


def draw_input(
    pixels: Float[np.ndarray, "ch hh ww"], *, mean: Sequence[float], std: Sequence[float]
) -> Image.Image:
    """Draw the model's input with its normalisation undone, enlarged without smoothing."""
    values = pixels * np.reshape(std, (-1, 1, 1)) + np.reshape(mean, (-1, 1, 1))
    values = np.broadcast_to(values, (3, *values.shape[1:]))  # grey as red, green and blue
    image = Image.fromarray((values * 255).round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0))
    zoom = -(-WIDTH // max(image.size))
    return image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)


def draw_patches(image: Image.Image, grid: tuple[int, int]) -> Image.Image:
    """Return `image` cut into its patches, with gaps between them."""
    gap = max(2, min(GAP, image.width // grid[1] // 6))
    size = (image.width + gap * (grid[1] - 1), image.height + gap * (grid[0] - 1))
    sheet = Image.new("RGB", size, PAPER)
    for patch in range(grid[0] * grid[1]):
        row, column = divmod(patch, grid[1])
        box = render.patch_box(patch, image.size, grid)
        sheet.paste(image.crop(box), (box[0] + column * gap, box[1] + row * gap))
    return sheet


def draw_matrix(
    patches: Float[np.ndarray, "n d"], *, prefix: Float[np.ndarray, "p d"] | None = None
) -> Image.Image:
    """Draw tokens as rows and channels as columns, one colour a number; `prefix` rows stand on top.

    They stand apart, taller. The scale is symmetric and covers 99 % of the patches' numbers; the bar marks
    what lies beyond.
    """
    reach = float(np.quantile(np.abs(patches), 0.99)) or 1.0
    scale = render.Scale(-reach, reach, Message("value (a row is a token, a column is a channel)"))
    n, d = patches.shape
    width = d * -(-WIDTH // d)
    rows = [_enlarge(scale.colours(patches), width, n * max(2, WIDTH // n))]
    if prefix is not None:
        rows = [
            _enlarge(scale.colours(prefix), width, 16 * len(prefix)),
            Image.new("RGB", (width, GAP), PAPER),
            *rows,
        ]
    outside = np.concatenate([patches, patches[:0] if prefix is None else prefix])
    bar = render.draw_colour_bar(
        scale, width=width, below=bool((outside < -reach).any()), above=bool((outside > reach).any())
    )
    return stack([*rows, bar])


def draw_bars(top: Sequence[tuple[str, float]]) -> Image.Image:
    """Draw a bar a class, full width = 100 %, with its name and its probability."""
    size = font_size(WIDTH)
    rows = []
    for label, probability in top:
        bar = Image.new("RGB", (WIDTH, size + GAP), PAPER)
        draw = ImageDraw.Draw(bar)
        text = f"{100 * probability:.1f} %"
        room = WIDTH - round(load_font(size).getlength("100.0 %")) - 3 * GAP
        draw.rectangle((GAP, 0, GAP + round(probability * room), size), fill=stage_colours(1)[0])
        draw.text((WIDTH - GAP, size // 2), respell(text), fill=INK, font=load_font(size), anchor="rm")
        rows += [draw_caption(label, WIDTH), bar]
    return stack(rows)


def _enlarge(colours: np.ndarray, width: int, height: int) -> Image.Image:
    return Image.fromarray(colours).resize((width, height), Image.Resampling.NEAREST)
