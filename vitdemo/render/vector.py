"""A map over its picture as SVG: sharp at any size, and every patch tells its number."""

from __future__ import annotations

import html

import numpy as np
from jaxtyping import Bool
from PIL import Image

from vitdemo.message import said
from vitdemo.png import make_png_url
from vitdemo.render.geometry import enlarge_view, patch_box
from vitdemo.render.palette import INK, PAPER, Colour, colours_of
from vitdemo.render.scale import OPACITY, Heatmap, Scale, format_ticks

BAR, LETTERS, FOOT = 14, 13, 62  # pixels: the colour bar, its words, and both with their margins
STOPS = 17  # of the bar's gradient
FADED = 'fill="#c5c5c5" fill-opacity="0.6"'  # over a colour about what `palette.fade` makes of it


def draw_vector(
    view: Image.Image,
    heat: Heatmap,
    *,
    scale: Scale,
    gone: Bool[np.ndarray, "gh gw"],
    opacity: float = OPACITY,
    about: str = "",
) -> str:
    """Return an SVG of the map over the view, its colour bar below; arguments as `draw_overlay`.

    `about`: what its description says, for those who find it later.
    """
    view = enlarge_view(view)
    width, height = view.size
    painted = scale.paint(heat, opacity=opacity)
    squares = [
        draw_square(patch, heat, painted, size=view.size, faded=bool(gone.flat[patch] or np.isnan(value)))
        for patch, value in enumerate(heat.flat)
    ]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + FOOT}" '
        f'font-family="sans-serif" font-size="{LETTERS}">',
        f"<desc>{html.escape(about)}</desc>",
        f'<rect width="{width}" height="{height + FOOT}" fill="{name_colour(PAPER)}"/>',
        f'<image width="{width}" height="{height}" href="{make_png_url(view)}"/>',
        *squares,
        draw_bar(scale, top=height, width=width),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def draw_square(patch: int, heat: Heatmap, painted: np.ndarray, *, size: tuple[int, int], faded: bool) -> str:
    """Return a patch: grey where it was dropped, its colour where it has a number, and both in words."""
    row, column = divmod(patch, heat.shape[1])
    left, top, right, bottom = patch_box(patch, size, heat.shape)
    place = f'x="{left}" y="{top}" width="{right - left}" height="{bottom - top}"'
    *colour, alpha = painted[row, column].tolist()
    value = float(heat[row, column])
    told = "dropped" if np.isnan(value) else f"{value:.6g}"
    fill = "" if np.isnan(value) else f"<rect {place} {fill_with(colour, alpha / 255)}/>"
    ground = f"<rect {place} {FADED}/>" if faded else ""
    return f"<g><title>patch {patch} (row {row}, column {column}): {told}</title>{ground}{fill}</g>"


def draw_bar(scale: Scale, *, top: int, width: int) -> str:
    """Return the colour bar of a scale, its three numbers and what they are."""
    shares = np.linspace(0, 1, STOPS)
    stops = [
        f'<stop offset="{share:.4f}" stop-color="{name_colour(colour)}"/>'
        for share, colour in zip(shares, colours_of(shares, signed=scale.signed).tolist(), strict=True)
    ]
    y = top + LETTERS + 8
    ticks = [
        f'<text x="{place}" y="{y + BAR + LETTERS + 4}" text-anchor="{anchor}">{text}</text>'
        for text, place, anchor in zip(
            format_ticks(scale), (2, width // 2, width - 2), ("start", "middle", "end"), strict=True
        )
    ]
    return "\n".join(
        [
            f'<defs><linearGradient id="bar">{"".join(stops)}</linearGradient></defs>',
            f'<g fill="{name_colour(INK)}">',
            f'<text x="2" y="{top + LETTERS + 2}">{html.escape(said(scale.label))}</text>',
            f'<rect y="{y}" width="{width}" height="{BAR}" fill="url(#bar)"/>',
            *ticks,
            "</g>",
        ]
    )


def fill_with(colour: list[int], opacity: float) -> str:
    return f'fill="{name_colour(colour)}" fill-opacity="{opacity:.3f}"'


def name_colour(colour: Colour | list[int]) -> str:
    """Return a colour as SVG writes it."""
    return "#" + bytes(colour).hex()
