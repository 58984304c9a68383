"""Where a patch lies in a picture. The only place that turns patch ids into pixels and back.

A `size` is (width, height) in pixels, as PIL has it; a `grid` is (gh, gw), rows first, as the models have it.
Patch ids count row by row from 0, without prefix tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int, Shaped
from PIL import Image

Grid = tuple[int, int]
Size = tuple[int, int]
PatchIds = Sequence[int] | np.ndarray

DISPLAY_EDGE = 448


def cut_edges(length: int, parts: int) -> Int[np.ndarray, "edges"]:
    """Return the `parts` + 1 positions that cut `length` pixels into runs, alike but for one pixel.

    Raise ValueError if a run would be empty.
    """
    if not 1 <= parts <= length:
        raise ValueError(f"grid: {parts} patches do not fit into {length} pixels.")
    return np.arange(parts + 1) * length // parts


def patch_box(patch_id: int, size: Size, grid: Grid) -> tuple[int, int, int, int]:
    """Return the (left, top, right, bottom) pixels of a patch, right and bottom exclusive as in `Image.crop`.

    Raise ValueError if the grid has no such patch.
    """
    gh, gw = grid
    if not 0 <= patch_id < gh * gw:
        raise ValueError(f"patch_id: {patch_id} is not in a grid of {gh} x {gw} patches.")
    row, column = divmod(int(patch_id), gw)
    xs, ys = cut_edges(size[0], gw), cut_edges(size[1], gh)
    return int(xs[column]), int(ys[row]), int(xs[column + 1]), int(ys[row + 1])


def patch_at(x: float, y: float, size: Size, grid: Grid) -> int:
    """Return the id of the patch under a point in pixels; a point outside counts for the nearest edge."""
    gh, gw = grid
    column = np.searchsorted(cut_edges(size[0], gw), x, side="right") - 1
    row = np.searchsorted(cut_edges(size[1], gh), y, side="right") - 1
    return int(np.clip(row, 0, gh - 1) * gw + np.clip(column, 0, gw - 1))


def spread(values: Shaped[np.ndarray, "gh gw *rest"], size: Size) -> Shaped[np.ndarray, "height width *rest"]:
    """Give every pixel the value of its patch."""
    widths = np.diff(cut_edges(size[0], values.shape[1]))
    heights = np.diff(cut_edges(size[1], values.shape[0]))
    return np.repeat(np.repeat(values, widths, axis=1), heights, axis=0)


def mask_grid_lines(size: Size, grid: Grid) -> Bool[np.ndarray, "height width"]:
    """Return a mask of the first pixel row and the first pixel column of every patch."""
    lines = np.zeros((size[1], size[0]), dtype=bool)
    lines[cut_edges(size[1], grid[0])[:-1]] = True
    lines[:, cut_edges(size[0], grid[1])[:-1]] = True
    return lines


def enlarge_view(view: Image.Image, *, edge: int = DISPLAY_EDGE) -> Image.Image:
    """Return the view as RGB, enlarged (bicubic) until its long edge has so many pixels; never reduced."""
    view = view.convert("RGB")
    factor = edge / max(view.size)
    if factor <= 1:
        return view
    width, height = (max(1, round(edge * factor)) for edge in view.size)
    return view.resize((width, height), Image.Resampling.BICUBIC)
