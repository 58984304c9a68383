"""Charts against the numbers they were drawn from, read back from their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vitdemo.render import Scale
from vitdemo.render.charts import (
    NO_VALUE,
    Diverging,
    draw_filters,
    draw_grids,
    draw_map,
    draw_numbers,
    draw_steps,
    grids_at,
    grids_size,
    readable_on,
)


def test_diverging_colours_have_the_sign() -> None:
    scale = Diverging(2.0, "change")
    low, zero, high, beyond = scale.colours(np.array([-2.0, 0.0, 2.0, 9.0])).astype(int)
    assert low[2] > low[0] + 100, "blue"
    assert high[0] > high[2] + 100, "red"
    assert (zero == 255).all()
    assert (beyond == high).all()
    with pytest.raises(ValueError, match="reach must be positive"):
        Diverging(0.0, "")


def test_every_cell_has_the_colour_of_its_number() -> None:
    values = np.array([[0.0, 1.0, np.nan], [0.25, 0.5, 0.75]])
    scale = Scale(0.0, 1.0, "number")
    shown = np.asarray(draw_numbers(values, colours=scale, decimals=2, names=("layer", "head"))).reshape(
        -1, 3
    )
    for value in values.ravel():
        wanted = np.array(NO_VALUE) if np.isnan(value) else scale.colours(np.array([value]))[0]
        assert (shown == wanted).all(axis=-1).sum() > 500, f"the cell of {value}"


def test_a_table_of_nothing_but_missing_numbers_is_grey() -> None:
    shown = draw_numbers(
        np.full((2, 2), np.nan), colours=Scale(0.0, 1.0, "x"), decimals=1, names=("layer", "head")
    )
    assert (np.asarray(shown).reshape(-1, 3) == NO_VALUE).all(axis=-1).sum() > 10_000


def compute_luminance(colour: tuple[int, int, int]) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_numbers_can_be_read_on_every_colour() -> None:
    for scale in (Scale(-1.0, 1.0, ""), Diverging(1.0, "")):
        for red, green, blue in scale.colours(np.linspace(-1, 1, 41)).tolist():
            below, above = sorted(
                (compute_luminance((red, green, blue)), compute_luminance(readable_on((red, green, blue))))
            )
            assert (above + 0.05) / (below + 0.05) >= 3.5


def test_filters_keep_their_colours_and_places() -> None:
    filters = np.zeros((3, 3, 2, 2))
    filters[0, 0, 0, 0] = 0.5  # red, top left
    filters[1, 2, 1, 0] = -0.2  # the opposite of blue, bottom left
    sheet = draw_filters(filters, columns=2).convert("RGB")
    edge = 448 // 2 - 6
    quarter = edge // 4
    assert sheet.getpixel((quarter, quarter)) == (255, 128, 128)
    assert sheet.getpixel((3 * quarter, quarter)) == (128, 128, 128)
    assert sheet.getpixel((edge + 6 + quarter, 3 * quarter)) == (128, 128, 0)
    assert sheet.getpixel((quarter, edge + 6 + quarter)) == (128, 128, 128), "all zero is grey"


@pytest.mark.parametrize("grid", [(8, 8), (2, 3), (3, 7), (14, 14)])
def test_each_small_map_is_its_row(grid: tuple[int, int]) -> None:
    n = grid[0] * grid[1]
    table = np.random.default_rng(0).random((n, n))
    scale = Scale(0.0, 1.0, "")
    sheet = draw_grids(table, grid=grid, scale=scale)
    assert sheet.size == grids_size(grid)
    pixels = np.asarray(sheet)
    colours = scale.colours(table)
    found: dict[int, list[tuple[int, int]]] = {}
    for y in range(0, sheet.height, 9):
        for x in range(0, sheet.width, 9):
            place = grids_at(x, y, grid)
            assert place is not None
            found.setdefault(place, []).append((x, y))
    assert len(found) == n
    for place in (0, n // 2, n - 1):
        own = {tuple(colour) for colour in colours[place].tolist()} | {(250, 250, 250)}
        assert {tuple(pixels[y, x].tolist()) for x, y in found[place]} <= own
    assert grids_at(5, sheet.height + 9, grid) is None


def test_the_chosen_map_is_framed() -> None:
    table, scale = np.zeros((16, 16)), Scale(0.0, 1.0, "")
    plain, framed = (draw_grids(table, grid=(4, 4), scale=scale, chosen=c) for c in (None, 6))
    changed = np.argwhere((np.asarray(plain) != np.asarray(framed)).any(axis=-1))
    (top, left), (bottom, right) = changed.min(axis=0).tolist(), changed.max(axis=0).tolist()
    assert grids_at((left + right) / 2, (top + bottom) / 2, (4, 4)) == 6


def test_a_plain_map_is_flat() -> None:
    heat = np.array([[0.0, 0.5], [1.0, 0.25]])
    scale = Scale(0.0, 1.0, "")
    shown = np.asarray(draw_map(heat, scale=scale))
    assert shown.shape == (448, 448, 3)
    assert (shown[:224, 224:] == scale.colours(np.array([0.5]))[0]).all()


def measure_bars(image: Image.Image) -> list[int]:
    """Return the lengths of the blue bars, from the top."""
    blue = (np.asarray(image.convert("RGB")).astype(int) == np.array([0, 114, 178])).all(axis=-1).sum(axis=1)
    edges = np.flatnonzero(np.diff((blue > 0).astype(int), prepend=0) == 1)
    return [int(blue[edge + 5]) for edge in edges]


def test_bars_are_as_long_as_their_values() -> None:
    lengths = measure_bars(draw_steps([("head", 1.0), ("block 0", 0.5), ("embedding", -0.25)], label="x"))
    assert lengths[1] / lengths[0] == pytest.approx(0.5, abs=0.02)
    assert lengths[2] / lengths[0] == pytest.approx(0.25, abs=0.02)
