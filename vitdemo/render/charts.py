"""Charts of a network's inside: tables of coloured numbers, filters as tiles, a grid of grids, bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from vitdemo.message import Message
from vitdemo.render.geometry import DISPLAY_EDGE, Grid, Size, patch_at, spread
from vitdemo.render.palette import INK, PAPER, Colour, stage_colours
from vitdemo.render.scale import Heatmap, Scale
from vitdemo.render.text import draw_caption, load_font, respell, stack

GAP = 6
NO_VALUE: Colour = (169, 169, 169)
# ColorBrewer's RdBu, colour-blind safe: from blue (negative) over white to red (positive).
_DIVERGING = np.array(
    [[33, 102, 172], [103, 169, 207], [209, 229, 240], [255, 255, 255], [253, 219, 199], [239, 138, 98],
     [178, 24, 43]]
)  # fmt: skip


@dataclass(frozen=True)
class Diverging:
    """Blue at -`reach`, white at 0, red at `reach`: for changes, whose sign matters.

    `label`: the quantity. Raise ValueError unless `reach` is positive.
    """

    reach: float
    label: str

    def __post_init__(self) -> None:
        if not 0 < self.reach < float("inf"):
            raise ValueError(f"reach must be positive and finite, got {self.reach}")

    def colours(self, values: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
        """Return the colour of each value, beyond the reach that of the end."""
        at = (np.clip(values / self.reach, -1, 1) + 1) / 2 * (len(_DIVERGING) - 1)
        stops = np.arange(len(_DIVERGING))
        channels = [np.interp(at, stops, _DIVERGING[:, channel]) for channel in range(3)]
        return np.stack(channels, axis=-1).round().astype(np.uint8)


def draw_numbers(
    values: Float[np.ndarray, "rows columns"],
    *,
    colours: Scale | Diverging,
    decimals: int,
    names: tuple[str, str],
) -> Image.Image:
    """Draw a coloured cell with its number for each value, rows and columns from 0; NaN is grey.

    `names` are those of the rows and of the columns, such as ("layer", "head"). The label of `colours`
    stands below.
    """
    size, (rows, columns) = 19, values.shape
    texts = [
        [f"{round(value, decimals) + 0:.{decimals}f}" if value == value else "" for value in row]
        for row in values.tolist()
    ]
    widest = max(load_font(size).getlength(text) for row in texts for text in row)
    left, top, height = 2 * size, round(3.1 * size), round(1.9 * size)
    width = max(round(widest) + 2 * GAP, (DISPLAY_EDGE - left) // columns)
    sheet = Image.new("RGB", (left + columns * width, top + rows * height), PAPER)
    draw = ImageDraw.Draw(sheet)
    axes = respell(Message("{columns} (across), {rows} (down)", columns=names[1], rows=names[0]))
    draw.text((GAP, size // 2), axes, fill=INK, font=load_font(size - 2, axes))
    for column in range(columns):
        middle = left + (column + 0.5) * width
        draw.text((middle, top - size * 0.7), str(column), fill=INK, font=load_font(size), anchor="mm")
    fill = colours.colours(np.nan_to_num(values, nan=0.0))
    for row in range(rows):
        y = top + row * height
        draw.text((left / 2, y + height / 2), str(row), fill=INK, font=load_font(size), anchor="mm")
        for column in range(columns):
            x, missing = left + column * width, np.isnan(values[row, column])
            colour = NO_VALUE if missing else to_colour(fill[row, column])
            draw.rectangle((x, y, x + width - 2, y + height - 2), fill=colour)
            centre = (x + width / 2 - 1, y + height / 2 - 1)
            draw.text(centre, texts[row][column], fill=readable_on(colour), font=load_font(size), anchor="mm")
    return stack([sheet, draw_caption(colours.label, sheet.width, size=size)])


def to_colour(values: UInt8[np.ndarray, "3"]) -> Colour:
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def readable_on(colour: Colour) -> Colour:
    """Return ink or paper, whichever has more contrast (relative luminance, WCAG 2)."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if luminance > 0.22 else PAPER


def draw_filters(filters: Float[np.ndarray, "k 3 ph pw"], *, columns: int) -> Image.Image:
    """Draw each filter as a colour tile: grey is 0, its largest entry the end of the range."""
    edge = DISPLAY_EDGE // columns - GAP
    rows = -(-len(filters) // columns)
    sheet = Image.new("RGB", (columns * (edge + GAP) - GAP, rows * (edge + GAP) - GAP), PAPER)
    for index, one in enumerate(filters):
        values = 127.5 + 127.5 * one / max(np.abs(one).max(), 1e-12)
        tile = Image.fromarray(values.round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0))
        row, column = divmod(index, columns)
        tile = tile.resize((edge, edge), Image.Resampling.NEAREST)
        sheet.paste(tile, (column * (edge + GAP), row * (edge + GAP)))
    return sheet


def cell_of(grid: Grid) -> tuple[int, int]:
    """Return the pixels of one square in `draw_grids`, and of the gap between two small maps."""
    return max(1, 640 // max(grid) ** 2), max(2, 48 // max(grid))


def grids_size(grid: Grid) -> Size:
    """Return (width, height) of `draw_grids`."""
    cell, gap = cell_of(grid)
    return grid[1] * (grid[1] * cell + gap) - gap, grid[0] * (grid[0] * cell + gap) - gap


def draw_grids(
    table: Float[np.ndarray, "n n"], *, grid: Grid, scale: Scale, chosen: int | None = None
) -> Image.Image:
    """Draw for each of the n = gh * gw places a small map of its row of `table`, laid out as they are.

    The `chosen` one is framed. Which map lies at a pixel: `grids_at`.
    """
    cell, gap = cell_of(grid)
    sheet = Image.new("RGB", grids_size(grid), PAPER)
    colours = scale.colours(table).reshape(-1, *grid, 3)
    for index, one in enumerate(colours):
        row, column = divmod(index, grid[1])
        x, y = column * (grid[1] * cell + gap), row * (grid[0] * cell + gap)
        sheet.paste(Image.fromarray(spread(one, (grid[1] * cell, grid[0] * cell))), (x, y))
        if index == chosen:
            box = (x - gap, y - gap, x + grid[1] * cell + gap - 1, y + grid[0] * cell + gap - 1)
            ImageDraw.Draw(sheet).rectangle(box, outline=stage_colours(3)[2], width=gap)
    return sheet


def grids_at(x: float, y: float, grid: Grid) -> int | None:
    """Return the place whose small map lies at a pixel of `draw_grids`; None below it."""
    size = grids_size(grid)
    return patch_at(x, y, size, grid) if 0 <= x <= size[0] and 0 <= y <= size[1] else None


def draw_map(heat: Heatmap, *, scale: Scale) -> Image.Image:
    """Draw one flat colour a patch, 448 pixels on the long edge, with no picture below."""
    factor = max(1, DISPLAY_EDGE // max(heat.shape))
    return Image.fromarray(spread(scale.colours(heat), (heat.shape[1] * factor, heat.shape[0] * factor)))


def draw_steps(steps: Sequence[tuple[str, float]], *, label: str) -> Image.Image:
    """Draw a bar from 0 to each value in -1..1, one below the other, named and numbered.

    Negative bars go left of the zero line. `label` stands below.
    """
    size, width = 19, 560
    names = [respell(name) for name, _ in steps]
    letters = load_font(size, "".join(names))
    left = round(max(letters.getlength(name) for name in names)) + 2 * GAP
    right = width - round(load_font(size).getlength("-0.00")) - 2 * GAP
    height = round(1.6 * size)
    sheet = Image.new("RGB", (width, height * len(steps) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    low = min(0.0, *(value for _, value in steps))
    zero = left + (0 - low) / (1 - low) * (right - left)
    for index, (name, (_, value)) in enumerate(zip(names, steps, strict=True)):
        y = GAP + index * height
        end = zero + value / (1 - low) * (right - left)
        draw.rectangle((min(zero, end), y, max(zero, end), y + size), fill=stage_colours(1)[0])
        draw.text((GAP, y + size / 2), name, fill=INK, font=letters, anchor="lm")
        draw.text((width - GAP, y + size / 2), f"{value:.2f}", fill=INK, font=load_font(size), anchor="rm")
    draw.line((zero, GAP // 2, zero, sheet.height), fill=INK)
    return stack([sheet, draw_caption(label, width, size=size)])
