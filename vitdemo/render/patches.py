"""Pictures of tokens: which patches stayed, when each left, and rows of such pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int
from PIL import Image, ImageDraw

from vitdemo.message import Message
from vitdemo.render.geometry import (
    Grid,
    PatchIds,
    cut_edges,
    enlarge_view,
    mask_grid_lines,
    patch_box,
    spread,
)
from vitdemo.render.overlay import draw_dropped, draw_overlay
from vitdemo.render.palette import INK, LINE, MARK, PAPER, Colour, fade, stage_colours, where
from vitdemo.render.scale import Heatmap, Scale
from vitdemo.render.text import draw_caption, font_size, load_font, respell, stack

_TINT = 0.6


def stage_of_drop(kept: Sequence[PatchIds], grid: Grid) -> Int[np.ndarray, "gh gw"]:
    """Return the stage (1, 2, ...) at which each patch was dropped, 0 where it survived them all.

    Args:
        kept: the patch ids present after each stage, first stage first.
        grid: rows and columns of patches.

    Raise ValueError for an id outside the grid, or one that comes back after it was dropped.
    """
    stages = np.zeros(grid[0] * grid[1], dtype=np.int64)
    for stage, ids in enumerate(kept, start=1):
        stays = _make_mask(ids, grid).ravel()
        if (stages[stays] > 0).any():
            raise ValueError(f"kept: stage {stage} has a patch that an earlier stage dropped.")
        stages[~stays & (stages == 0)] = stage
    return stages.reshape(grid)


def draw_kept(view: Image.Image, kept_ids: PatchIds, grid: Grid) -> Image.Image:
    """Draw the view with kept patches in full colour and the others faded under a thin grid.

    Raise ValueError for an id outside the grid.
    """
    view = enlarge_view(view)
    return where(spread(_make_mask(kept_ids, grid), view.size), view, draw_dropped(view, grid))


def draw_lifetimes(
    view: Image.Image,
    stage_of_drop: Int[np.ndarray, "gh gw"],
    *,
    stages: int | None = None,
    merges: bool = False,
) -> Image.Image:
    """Draw when each patch left: tinted by stage, survivors in full colour, token counts below.

    Args:
        view: the crop that the model saw.
        stage_of_drop: 1 to `stages`, the stage at which the patch was dropped; 0 = it survived.
        stages: how many stages there were; the largest in the map if not given.
        merges: whether patches left by joining others.

    Raise ValueError for a stage outside 0 to `stages`.
    """
    last = int(stage_of_drop.max())
    stages = last if stages is None else stages
    if stage_of_drop.min() < 0 or last > stages:
        raise ValueError(f"stage_of_drop: every entry must be between 0 and {stages}.")
    view = enlarge_view(view)
    colours = stage_colours(stages)
    table = np.array([LINE, *colours], dtype=np.uint8)
    tinted = Image.blend(fade(view), Image.fromarray(spread(table[stage_of_drop], view.size)), _TINT)
    tinted = where(mask_grid_lines(view.size, stage_of_drop.shape), Image.new("RGB", view.size, LINE), tinted)
    picture = where(spread(stage_of_drop == 0, view.size), view, tinted)
    _number_patches(picture, stage_of_drop)
    counts = count_lifetimes(stage_of_drop, stages=stages)
    rows = []
    for stage, colour in enumerate(colours, start=1):
        before, after = counts[stage - 1], counts[stage]
        gaps = {"stage": stage, "before": before, "after": after, "left": before - after}
        words = Message("Stage {stage}: {before} → {after} tokens ({left} dropped)", **gaps)
        if merges:
            words = Message("Stage {stage}: {before} → {after} tokens ({left} merged)", **gaps)
        rows.append((_draw_swatch(colour), words))
    kept = Message("Kept to the end: {count} tokens", count=counts[-1])
    return stack([picture, _draw_legend([*rows, (view, kept)], picture.width)])


def count_lifetimes(stage_of_drop: Int[np.ndarray, "gh gw"], *, stages: int) -> list[int]:
    """Count patch tokens before the first stage and after each: `stages` + 1 numbers, never rising."""
    dropped = np.bincount(stage_of_drop.ravel(), minlength=stages + 1)[1:]
    return [stage_of_drop.size, *(int(count) for count in stage_of_drop.size - np.cumsum(dropped))]


def mark_patch(image: Image.Image, patch_id: int, grid: Grid) -> Image.Image:
    """Return a copy with a two-tone frame just inside one patch, visible on dark and on light.

    Raise ValueError if the grid has no such patch.
    """
    marked = image.convert("RGB")
    left, top, right, bottom = patch_box(patch_id, marked.size, grid)
    patch = marked.crop((left, top, right, bottom))  # PIL draws a wide frame of a small box beyond the box
    line = max(1, min(patch.size) // 12)
    draw = ImageDraw.Draw(patch)
    draw.rectangle((0, 0, patch.width - 1, patch.height - 1), outline=INK, width=2 * line)
    draw.rectangle((0, 0, patch.width - 1, patch.height - 1), outline=MARK, width=line)
    marked.paste(patch, (left, top))
    return marked


def draw_gallery(
    view: Image.Image, heats: Sequence[Heatmap], *, scale: Scale, **options: Any
) -> list[Image.Image]:
    """Draw one overlay a head, all under the same scale; arguments as `draw_overlay`."""
    view = enlarge_view(view)
    return [draw_overlay(view, heat, scale=scale, **options) for heat in heats]


def draw_tiles(frames: Sequence[tuple[str, Image.Image]], *, columns: int) -> Image.Image:
    """Draw captioned pictures in rows of `columns`, cells as wide as the widest picture."""
    if not frames or columns < 1:
        raise ValueError("frames: at least one picture and one column are needed.")
    columns, gap = min(columns, len(frames)), 12
    width = max(image.width for _, image in frames)
    # A wide sheet is shown reduced, so its letters grow with the number of columns.
    size = max(font_size(width), min(columns * width // 50, width // 12))
    cells = [stack([image, draw_caption(label, width, size=size)]) for label, image in frames]
    height = max(cell.height for cell in cells)
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (width + gap) - gap, rows * (height + gap) - gap), PAPER)
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        sheet.paste(cell, (column * (width + gap), row * (height + gap)))
    return sheet


def draw_film_strip(frames: Sequence[tuple[str, Image.Image]], *, below: str = "") -> Image.Image:
    """Draw captioned pictures side by side, `below` under them all."""
    strip = draw_tiles(frames, columns=max(1, len(frames)))
    return stack([strip, draw_caption(below, strip.width, size=strip.width // 50)]) if below else strip


def _make_mask(ids: PatchIds, grid: Grid) -> np.ndarray:
    ids = np.asarray(ids, dtype=np.int64)
    if ids.size and (ids.min() < 0 or ids.max() >= grid[0] * grid[1]):
        raise ValueError(f"kept_ids: every id must be in a grid of {grid[0]} x {grid[1]} patches.")
    mask = np.zeros(grid[0] * grid[1], dtype=bool)
    mask[ids] = True
    return mask.reshape(grid)


def _number_patches(picture: Image.Image, stages: np.ndarray) -> None:
    """Write the stage into each dropped patch that has room, so that colour is not the only sign."""
    xs, ys = cut_edges(picture.width, stages.shape[1]), cut_edges(picture.height, stages.shape[0])
    size = int(min(np.diff(xs).min(), np.diff(ys).min()) * 0.5)
    if size < 12:
        return
    draw = ImageDraw.Draw(picture)
    for row, column in np.argwhere(stages > 0):
        centre = float(xs[column] + xs[column + 1]) / 2, float(ys[row] + ys[row + 1]) / 2
        draw.text(centre, str(stages[row, column]), fill=INK, font=load_font(min(size, 24)), anchor="mm")


def _draw_swatch(colour: Colour) -> Image.Image:
    return Image.blend(Image.new("RGB", (1, 1), (169, 169, 169)), Image.new("RGB", (1, 1), colour), _TINT)


def _draw_legend(rows: Sequence[tuple[Image.Image, str]], width: int) -> Image.Image:
    size = font_size(width)
    leading, pad = round(size * 1.5), size // 3
    legend = Image.new("RGB", (width, leading * len(rows) + 2 * pad), PAPER)
    draw = ImageDraw.Draw(legend)
    for index, (swatch, text) in enumerate(rows):
        top = pad + index * leading
        legend.paste(swatch.resize((size, size)), (pad, top + (leading - size) // 2))
        words = respell(text)
        place = (2 * pad + size, top + leading // 2)
        draw.text(place, words, fill=INK, font=load_font(size, words), anchor="lm")
    return legend
