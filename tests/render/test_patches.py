"""Which patches stayed and when the others left: exact pixels and counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vitdemo import render
from vitdemo.render.geometry import enlarge_view, mask_grid_lines, patch_box, spread
from vitdemo.render.overlay import draw_overlay
from vitdemo.render.palette import LINE, fade
from vitdemo.render.scale import Scale
from vitdemo.render.text import draw_caption, font_size, load_font, respell, wrap

VIEW = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8))
SHOWN = enlarge_view(VIEW)


def test_kept_patches_are_untouched_and_dropped_ones_grey_under_a_grid():
    kept, grid = [0, 4, 14], (3, 5)
    picture = np.asarray(render.draw_kept(VIEW, kept, grid))
    mask = spread(np.isin(np.arange(15), kept).reshape(grid), SHOWN.size)
    lines = mask_grid_lines(SHOWN.size, grid)
    np.testing.assert_array_equal(picture[mask], np.asarray(SHOWN)[mask])
    np.testing.assert_array_equal(picture[~mask & ~lines], np.asarray(fade(SHOWN))[~mask & ~lines])
    assert (picture[~mask & lines] == LINE).all()


def test_kept_patches_of_all_and_of_none():
    np.testing.assert_array_equal(render.draw_kept(VIEW, np.arange(15), (3, 5)), SHOWN)
    assert (np.ptp(np.asarray(render.draw_kept(VIEW, [], (3, 5))).astype(int), axis=2) == 0).all()


@pytest.mark.parametrize("wrong", [15, -1])
def test_ids_outside_the_grid_are_refused(wrong):
    with pytest.raises(ValueError, match="kept_ids"):
        render.draw_kept(VIEW, [wrong], (3, 5))


def test_stage_of_drop_worked_by_hand():
    stages = render.stage_of_drop([[0, 1, 2, 5], [1, 2, 5], [2]], (2, 3))
    assert stages.tolist() == [[2, 3, 0], [1, 1, 3]]
    assert render.count_lifetimes(stages, stages=3) == [6, 4, 3, 1]
    assert render.stage_of_drop([], (2, 3)).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_patch_cannot_come_back():
    with pytest.raises(ValueError, match="stage 2"):
        render.stage_of_drop([[0, 1], [0, 2]], (2, 3))


@settings(max_examples=40)
@given(st.lists(st.integers(0, 24), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_counts_are_the_numbers_of_kept_ids(sizes, random):
    ids, kept = list(range(24)), []
    for size in sorted(sizes, reverse=True):
        ids = random.sample(ids, size)
        kept.append(sorted(ids))
    counts = render.count_lifetimes(render.stage_of_drop(kept, (4, 6)), stages=len(kept))
    assert counts == [24, *(len(k) for k in kept)]


def test_lifetime_map_leaves_survivors_alone_and_gives_each_stage_its_own_tint():
    stages = np.array([[0, 1, 2, 3, 0], [1, 1, 0, 0, 2], [0, 0, 3, 0, 0]])
    flat = Image.new("RGB", (450, 270), (90, 120, 60))
    picture = np.asarray(render.draw_lifetimes(flat, stages))[:270]
    alive = spread(stages == 0, flat.size)
    assert (picture[alive] == (90, 120, 60)).all()
    tints = {}
    for patch_id, stage in enumerate(stages.ravel()):
        left, top, _, _ = patch_box(patch_id, flat.size, (3, 5))
        tints.setdefault(int(stage), set()).add(tuple(picture[top + 3, left + 3]))
    assert all(len(colours) == 1 for colours in tints.values())
    assert len(set.union(*tints.values())) == 4


def test_legend_has_a_row_a_stage_also_for_a_stage_that_dropped_nothing():
    stages = np.array([[0, 2, 0]])
    wide = Image.new("RGB", (450, 150))
    row = render.draw_lifetimes(wide, stages, stages=3).height - render.draw_lifetimes(wide, stages).height
    assert row == round(1.5 * font_size(450))
    assert render.count_lifetimes(stages, stages=3) == [3, 3, 2, 2]


@pytest.mark.parametrize("stages", [np.array([[0, 4]]), np.array([[-1, 0]])])
def test_lifetime_map_refuses_unknown_stages(stages):
    with pytest.raises(ValueError, match="stage_of_drop"):
        render.draw_lifetimes(VIEW, stages, stages=3)


def test_mark_frames_one_patch_only_and_leaves_the_original():
    before = np.asarray(SHOWN).copy()
    marked = np.asarray(render.mark_patch(SHOWN, 7, (3, 5)))
    left, top, right, bottom = patch_box(7, SHOWN.size, (3, 5))
    changed = (marked != before).any(axis=2)
    np.testing.assert_array_equal(np.asarray(SHOWN), before)
    rows, columns = np.nonzero(changed)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (left, top, right, bottom)
    assert changed[top, left:right].mean() > 0.9
    assert not changed[(top + bottom) // 2, (left + right) // 2]


def test_mark_works_on_tiny_patches():
    assert np.asarray(render.mark_patch(Image.new("RGB", (40, 40)), 1599, (40, 40))).any(axis=2).sum() == 1


def test_gallery_is_the_overlay_of_each_head_under_one_scale():
    heats = [np.random.default_rng(seed).random((3, 5)) for seed in range(3)]
    scale = Scale(0, 1, "attention")
    pictures = render.draw_gallery(VIEW, heats, scale=scale, opacity=0.5)
    assert len(pictures) == 3
    for picture, heat in zip(pictures, heats, strict=True):
        np.testing.assert_array_equal(picture, draw_overlay(VIEW, heat, scale=scale, opacity=0.5))


def test_film_strip_and_tile_show_every_picture_unchanged_in_order():
    frames = [(f"stage {i}", Image.new("RGB", (120, 80), (40 * i, 0, 9))) for i in range(5)]
    strip = np.asarray(render.draw_film_strip(frames))
    assert strip.shape[1] == 5 * 120 + 4 * 12
    sheet = np.asarray(render.draw_tiles(frames, columns=2))
    row = (sheet.shape[0] + 12) // 3
    for index in range(5):
        assert (strip[:80, index * 132 : index * 132 + 120] == (40 * index, 0, 9)).all()
        top, left = index // 2 * row, index % 2 * 132
        assert (sheet[top : top + 80, left : left + 120] == (40 * index, 0, 9)).all()
    for wrong in ([], frames[:0]):
        with pytest.raises(ValueError, match="frames"):
            render.draw_film_strip(wrong)


def test_text_wraps_inside_its_width_and_loses_no_word():
    text = "attention of the class token to every patch, layer 6, head 2"
    lines = wrap(text, 200, 20)
    assert " ".join(lines) == text
    assert len(lines) > 1
    assert all(load_font(20).getlength(line) <= 200 for line in lines)
    assert wrap("", 200, 20) == []
    assert draw_caption(text, 200).height > draw_caption("attention", 200).height


def test_signs_that_the_font_lacks_are_spelled_out():
    missing = draw_caption("\uffff", 60).tobytes()
    for sign in "→×≥≤−–ρ·%":
        assert all(draw_caption(letter, 60).tobytes() != missing for letter in respell(sign))
