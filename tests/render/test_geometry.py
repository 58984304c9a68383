"""Patches tile the picture, and a click finds the patch whose box holds it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vitdemo.render.geometry import enlarge_view, mask_grid_lines, patch_at, patch_box, spread

sizes_and_grids = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda grid: st.tuples(
        st.tuples(st.integers(grid[1], 70), st.integers(grid[0], 70)),
        st.just(grid),
    )
)


@settings(max_examples=60)
@given(sizes_and_grids)
def test_boxes_cover_every_pixel_once_and_agree_with_clicks_and_with_spread(size_and_grid):
    size, (gh, gw) = size_and_grid
    count = np.zeros((size[1], size[0]), int)
    ids = spread(np.arange(gh * gw).reshape(gh, gw), size)
    for patch_id in range(gh * gw):
        left, top, right, bottom = patch_box(patch_id, size, (gh, gw))
        count[top:bottom, left:right] += 1
        assert (ids[top:bottom, left:right] == patch_id).all()
        for x, y in ((left, top), (right - 1, bottom - 1), ((left + right - 1) / 2, (top + bottom - 1) / 2)):
            assert patch_at(x, y, size, (gh, gw)) == patch_id
    assert (count == 1).all()


@settings(max_examples=60)
@given(sizes_and_grids)
def test_boxes_of_one_picture_differ_by_at_most_one_pixel(size_and_grid):
    size, grid = size_and_grid
    boxes = np.array([patch_box(i, size, grid) for i in range(grid[0] * grid[1])])
    assert np.ptp(boxes[:, 2] - boxes[:, 0]) <= 1
    assert np.ptp(boxes[:, 3] - boxes[:, 1]) <= 1


def test_a_box_worked_by_hand():
    assert patch_box(9, (448, 448), (8, 8)) == (56, 56, 112, 112)
    assert patch_box(5, (10, 4), (2, 3)) == (6, 2, 10, 4)  # 10 pixels in 3 columns: cut at 3 and 6


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0, 0, 0),
        (447, 0, 7),
        (448, 448, 63),
        (10**6, 10**6, 63),
        (-5, -5, 0),
        (-1, 447, 56),
        (55.9, 0, 0),
        (56, 0, 1),
    ],
)
def test_clicks_at_and_beyond_the_edge(x, y, expected):
    assert patch_at(x, y, (448, 448), (8, 8)) == expected


def test_impossible_patches_are_named():
    with pytest.raises(ValueError, match="patch_id: 64"):
        patch_box(64, (448, 448), (8, 8))
    with pytest.raises(ValueError, match="patch_id: -1"):
        patch_box(-1, (448, 448), (8, 8))
    with pytest.raises(ValueError, match="5 patches do not fit into 4 pixels"):
        patch_at(0, 0, (4, 4), (5, 2))


def test_grid_lines_run_along_the_first_pixels_of_each_patch():
    lines = mask_grid_lines((10, 4), (2, 3))
    expected = np.zeros((4, 10), bool)
    expected[[0, 2]] = True
    expected[:, [0, 3, 6]] = True
    np.testing.assert_array_equal(lines, expected)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((32, 32), (448, 448)), ((64, 32), (448, 224)), ((30, 90), (149, 448)), ((600, 500), (600, 500))],
)
def test_small_views_are_enlarged_in_proportion_and_large_ones_left(size, shown):
    assert enlarge_view(Image.new("RGB", size)).size == shown


def test_enlarging_is_bicubic_and_a_large_view_keeps_its_pixels():
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    view = Image.fromarray(noise)
    np.testing.assert_array_equal(enlarge_view(view), view.resize((448, 448), Image.Resampling.BICUBIC))
    large = Image.fromarray(np.tile(noise, (32, 32, 1)))
    np.testing.assert_array_equal(enlarge_view(large), large)
    assert enlarge_view(Image.new("L", (448, 448), 7)).getpixel((0, 0)) == (7, 7, 7)
