"""Colours mean numbers: exact pixels under a given scale."""

import numpy as np
import pytest
from PIL import Image

from vitdemo.render.geometry import enlarge_view, patch_box, spread
from vitdemo.render.overlay import describe, draw_dropped, draw_heat, draw_overlay, share_of_total
from vitdemo.render.palette import OUTLIER, colour_map
from vitdemo.render.scale import (
    Scale,
    common_scale,
    draw_colour_bar,
    format_ticks,
    own_scale,
    share_scale,
    signed_scale,
)

VIEW = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8))
SHOWN = np.asarray(enlarge_view(VIEW)).astype(float)
SCALE = Scale(0.0, 255.0, "value")


def mix(heat: np.ndarray, ground: np.ndarray, *, opacity: float = 1.0) -> np.ndarray:
    """Return each pixel of `ground` under the colour of its value, which is as opaque as it is high."""
    alpha = opacity * heat[..., None] / 255
    return alpha * colour_map()[heat.astype(int)] + (1 - alpha) * ground


@pytest.mark.parametrize("smooth", [False, True])
def test_one_value_everywhere_lets_the_same_through_everywhere(smooth):
    picture = draw_overlay(VIEW, np.full((4, 6), 77.0), scale=SCALE, opacity=1, smooth=smooth)
    assert picture.size == (448, 299)
    np.testing.assert_allclose(np.asarray(picture), mix(np.full((299, 448), 77.0), SHOWN), atol=2)


def test_every_pixel_of_a_patch_has_the_colour_of_its_value():
    heat = np.arange(35, dtype=np.float32).reshape(5, 7) * 7  # 448 / 7 is whole, 299 / 5 is not
    picture = np.asarray(draw_overlay(VIEW, heat, scale=SCALE, opacity=1, smooth=False))
    for patch_id, value in enumerate(heat.ravel()):
        left, top, right, bottom = patch_box(patch_id, (448, 299), (5, 7))
        box = np.s_[top:bottom, left:right]
        expected = mix(np.full(picture[box].shape[:2], value), SHOWN[box])
        np.testing.assert_allclose(picture[box], expected, atol=1)


def test_opacity_mixes_view_and_colour():
    heat = np.full((4, 6), 200.0)
    np.testing.assert_array_equal(draw_overlay(VIEW, heat, scale=SCALE, opacity=0), SHOWN)
    expected = mix(np.full((299, 448), 200.0), SHOWN, opacity=0.3)
    np.testing.assert_allclose(
        np.asarray(draw_overlay(VIEW, heat, scale=SCALE, opacity=0.3)), expected, atol=2
    )


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("opacity", [0.0, 0.6, 1.0])
def test_patches_without_a_value_are_grey_and_take_no_colour_from_their_neighbours(smooth, opacity):
    heat = np.full((4, 6), 255.0)
    heat[1, 2] = heat[3, 5] = np.nan
    picture = np.asarray(draw_overlay(VIEW, heat, scale=SCALE, opacity=opacity, smooth=smooth)).astype(int)
    gone = spread(np.isnan(heat), (448, 299))
    dropped = np.asarray(draw_dropped(enlarge_view(VIEW), (4, 6)))
    assert (np.ptp(picture[gone], axis=1) == 0).all()
    np.testing.assert_array_equal(picture[gone], dropped[gone])
    full = np.asarray(draw_overlay(VIEW, np.full((4, 6), 255.0), scale=SCALE, opacity=opacity, smooth=smooth))
    far = np.ones((4, 6), dtype=bool)  # from where no colour blends with theirs
    far[:3, 1:4] = far[2:, 4:] = False
    there = spread(far, (448, 299)) if smooth else ~gone
    np.testing.assert_array_equal(picture[there], full[there])


def test_dropped_patches_are_grey_under_their_colours():
    heat, gone = np.full((2, 3), 100.0), np.zeros((2, 3), dtype=bool)
    gone[1, 1] = True
    picture = np.asarray(draw_overlay(VIEW, heat, scale=SCALE, gone=gone, opacity=1, smooth=False))
    mask = spread(gone, (448, 299))
    ground = np.where(mask[..., None], np.asarray(draw_dropped(enlarge_view(VIEW), (2, 3))), SHOWN)
    np.testing.assert_allclose(picture, mix(np.full((299, 448), 100.0), ground), atol=1)


def test_a_dropped_patch_is_pale_without_stripes_on_any_view():
    for level in range(0, 256, 5):
        pixels = np.asarray(draw_dropped(Image.new("RGB", (96, 96), (level,) * 3), (4, 4)))
        assert len(np.unique(pixels[1:24, 1:24])) == 1
        assert (pixels[::24] == 255).all()
        assert (pixels[:, ::24] == 255).all()
        assert 118 <= pixels[1, 1, 0] <= 220


def test_a_map_without_any_value_is_all_dropped():
    picture = draw_overlay(VIEW, np.full((2, 3), np.nan), scale=SCALE)
    np.testing.assert_array_equal(picture, draw_dropped(enlarge_view(VIEW), (2, 3)))


def test_smooth_passes_through_the_colour_at_the_centre_and_half_way_between_two():
    heat = np.array([[0.0, 255.0]])
    row = np.asarray(draw_overlay(Image.new("RGB", (449, 30)), heat, scale=SCALE, opacity=1))[15]
    # Pixel x has its centre at x + 0.5; patch centres lie at 449/4 and 3*449/4.
    position = np.clip((np.arange(449) + 0.5) / 449 * 2 - 0.5, 0, 1)
    np.testing.assert_allclose(row, position[:, None] * colour_map()[255], atol=2)


def test_two_maps_under_one_scale_keep_their_order():
    weak, strong = np.array([[0.0, 0.1]]), np.array([[0.2, 0.4]])
    scale = share_scale([weak, strong], label="attention")
    assert (scale.low, scale.high) == (0.0, 0.4)
    painted = np.concatenate([scale.paint(heat, opacity=1)[0] for heat in (weak, strong)])
    indices = [np.flatnonzero((colour_map() == colour).all(1))[0] for colour in painted[:, :3]]
    assert indices == painted[:, 3].tolist() == [0, 64, 128, 255]  # 255 * value / 0.4, rounded


def test_a_value_beyond_the_end_has_a_colour_of_its_own():
    (painted,) = SCALE.paint(np.array([[255.0, 255.1, np.nan]]), opacity=0.5)
    assert painted.tolist() == [[*colour_map()[255], 128], [*OUTLIER, 128], [*colour_map()[0], 0]]


def test_a_scale_of_its_own_leaves_outliers_out():
    heat = np.ones((10, 10))
    assert own_scale(heat, label="x") == Scale(0.0, 1.0, "x")
    heat[0, 0] = 3.0
    assert own_scale(heat, label="x").high == 3.0
    heat[0, 0], heat[0, 1] = 3.1, np.nan
    assert own_scale(heat, label="x") == Scale(0.0, 1.0, "x")
    assert own_scale(np.zeros((2, 2)), label="x").high == 0.5


def test_one_scale_for_several_maps_holds_99_of_100_patches() -> None:
    heats = [np.array([[1.0, 2.0, np.nan]]), np.array([[4.0], [np.nan], [8.0]])]
    assert common_scale(heats, label="x").high == pytest.approx(7.88)  # as tests/js/scale.test.mjs
    assert common_scale(heats, label="x").low == 0
    assert common_scale([-heat for heat in heats], label="x", low=None).low == -8
    assert common_scale([np.zeros((1, 2))], label="x") == Scale(0.0, 0.5, "x")
    alike = 0.25 * (1 + 1e-8 * np.random.default_rng(0).standard_normal((4, 6)))
    assert common_scale([alike], label="x").high == alike.max()  # no outliers, only rounding noise


def test_shared_scale_ignores_missing_values_and_takes_given_ends():
    heats = [np.array([[np.nan, 3.0]]), np.array([[-1.0, np.nan]])]
    assert share_scale(heats, label="x") == Scale(-1.0, 3.0, "x")
    assert share_scale(heats, label="x", low=-2, high=5) == Scale(-2, 5, "x")


@pytest.mark.parametrize("value", [1 / 64, 0.0, -3.0])
def test_rounding_noise_is_not_blown_up(value):
    heat = np.full((4, 6), value) * (1 + 1e-8 * np.random.default_rng(0).standard_normal((4, 6)))
    view = Image.new("RGB", (48, 32))
    picture = np.asarray(draw_overlay(view, heat, scale=share_scale([heat], label="x"), smooth=False))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) <= 2


@pytest.mark.parametrize("heats", [[], [np.full((2, 2), np.nan)], [np.array([[1.0, np.inf]])]])
def test_no_scale_without_finite_numbers(heats):
    with pytest.raises(ValueError, match="heats"):
        share_scale(heats, label="x")


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, float("nan")), (0, float("inf"))])
def test_no_scale_with_ends_out_of_order(low, high):
    with pytest.raises(ValueError, match="scale"):
        Scale(low, high, "x")


def test_wrong_options_are_named():
    with pytest.raises(ValueError, match=r"opacity: 1\.5"):
        draw_overlay(VIEW, np.zeros((2, 2)), scale=SCALE, opacity=1.5)
    with pytest.raises(ValueError, match="heat"):
        draw_overlay(VIEW, np.array([[0.0, -np.inf]]), scale=SCALE)
    with pytest.raises(ValueError, match="width"):
        draw_colour_bar(SCALE, width=50)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, ["0.00", "0.50", "1.00"]),
        (0.0014, 0.0376, ["0.0014", "0.0195", "0.0376"]),
        (-4, 20, ["-4.0", "8.0", "20.0"]),
        (0, 5000, ["0", "2500", "5000"]),
        (0, 4e-9, ["0.00e+00", "2.00e-09", "4.00e-09"]),
    ],
)
def test_numbers_on_the_bar(low, high, expected):
    assert format_ticks(Scale(low, high, "x")) == expected


def test_the_bar_runs_through_the_palette_and_says_what_is_cut_off():
    plain = draw_colour_bar(Scale(0, 1, ""), width=448)
    row = np.asarray(plain)[8]
    colours = row[8:-8]  # inside padding and outline
    assert abs(colours.astype(int)[0] - colour_map()[0]).max() <= 3
    assert abs(colours.astype(int)[-1] - colour_map()[-1]).max() <= 3
    marked = draw_colour_bar(Scale(0, 1, ""), width=448, above=True)
    changed = np.argwhere((np.asarray(plain) != np.asarray(marked)).any(axis=2))
    assert changed[:, 1].min() > 300  # only the number at the high end, and the colour of what lies beyond
    assert np.asarray(marked)[8, -12].tolist() == list(OUTLIER)
    labelled = draw_colour_bar(Scale(0, 1, "attention"), width=448)
    assert labelled.height > plain.height


def test_figure_is_the_overlay_with_the_bar_below_and_marks_cut_values():
    heat = np.array([[0.0, 200.0], [300.0, np.nan]])
    figure = draw_heat(VIEW, heat, scale=SCALE)
    picture, bar = draw_overlay(VIEW, heat, scale=SCALE), draw_colour_bar(SCALE, width=448, above=True)
    np.testing.assert_array_equal(figure.crop((0, 0, 448, 299)), picture)
    np.testing.assert_array_equal(figure.crop((0, 299, 448, 299 + bar.height)), bar)


def test_share_of_total_worked_by_hand():
    heat = np.array([[1.0, np.nan], [0.0, 3.0]])
    np.testing.assert_array_equal(share_of_total(heat), [[0.25, np.nan], [0.0, 0.75]])
    np.testing.assert_array_equal(share_of_total(np.zeros((2, 2))), np.zeros((2, 2)))
    assert describe(heat) == "Top patch: 75.0 % of the total · 3 of 4 patches"
    assert describe(np.zeros((2, 2))) == "4 patches"
    assert describe(np.array([[-1.0, 2.0]])) == "2 patches"
    assert describe(np.full((1, 2), np.nan)) == "0 of 2 patches"
    with pytest.raises(ValueError, match="share"):
        share_of_total(np.array([[-1.0, 2.0]]))


def test_a_sign_has_its_own_colour_and_its_size_the_opacity():
    heat = np.array([[-2.0, -1.0, 0.0], [1.0, 2.0, np.nan]])
    scale = signed_scale(heat, label="x")
    assert (scale.low, scale.high) == (-2.0, 2.0)
    painted = scale.paint(heat, opacity=0.8)
    assert painted[..., 3].tolist() == [[204, 102, 0], [102, 204, 0]]
    blue, red = painted[0, 0, :3], painted[1, 1, :3]
    assert (tuple(blue), tuple(red)) == ((49, 54, 149), (165, 0, 38))  # the ends of ColorBrewer's RdYlBu
    bar = np.asarray(draw_colour_bar(scale, below=True, above=True))
    colours = {tuple(colour) for colour in bar.reshape(-1, 3).tolist()}
    middle = {tuple(colour) for colour in colour_map(signed=True)[2:-2].tolist()}  # the frame hides the ends
    assert middle <= colours
    assert OUTLIER not in colours
