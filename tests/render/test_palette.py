"""The palette against matplotlib's, and colours that can be told apart."""

import matplotlib
import numpy as np
import pytest
from PIL import Image

from vitdemo.render.palette import INK, PAPER, colour_map, colours_of, fade, stage_colours, where


def compute_luminance(colour) -> float:
    """WCAG 2 relative luminance."""
    c = np.asarray(colour) / 255
    return float(np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def test_map_is_matplotlibs_magma():
    magma = matplotlib.colormaps["magma"](np.arange(256))[:, :3] * 255
    assert np.abs(colour_map() - magma).max() < 3.6


def test_lightness_rises_all_the_way_and_no_colour_is_grey():
    light = np.array([compute_luminance(colour) for colour in colour_map()])
    assert (light[4:] > light[:-4]).all()
    assert (np.ptp(colour_map().astype(int), axis=1) > 0).all()


def test_the_shared_table_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        colour_map()[0] = 1


def test_numbers_take_the_nearest_entry_and_ends_are_clipped():
    numbers = np.array([-1.0, 0.0, 0.499 / 255, 0.501 / 255, 128 / 255, 1.0, 7.0])
    np.testing.assert_array_equal(colours_of(numbers), colour_map()[[0, 0, 0, 1, 128, 255, 255]])


def test_ink_on_paper_passes_wcag_aaa():
    assert (compute_luminance(PAPER) + 0.05) / (compute_luminance(INK) + 0.05) >= 7


@pytest.mark.parametrize("stages", [1, 2, 3, 4, 6, 12])
def test_stages_have_different_colours_in_rising_lightness(stages):
    colours = stage_colours(stages)
    assert len(set(colours)) == stages
    assert [compute_luminance(c) for c in colours] == sorted(compute_luminance(c) for c in colours)


def test_no_stages_no_colours():
    assert stage_colours(0) == ()


def test_faded_is_neutral_and_neither_black_nor_white():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    pixels = np.asarray(fade(noise)).astype(int)
    assert (np.ptp(pixels, axis=2) == 0).all()
    assert pixels.min() >= 110
    assert pixels.max() <= 225


def test_where_picks_by_pixel():
    mask = np.array([[True, False], [False, True]])
    picked = where(mask, Image.new("RGB", (2, 2), (1, 2, 3)), Image.new("RGB", (2, 2), (9, 8, 7)))
    assert np.asarray(picked).tolist() == [[[1, 2, 3], [9, 8, 7]], [[9, 8, 7], [1, 2, 3]]]
