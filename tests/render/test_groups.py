"""Tokens that stand for several patches, drawn."""

from __future__ import annotations

import numpy as np
from PIL import Image

from vitdemo.render import draw_groups, draw_kept
from vitdemo.render.groups import WIDTH
from vitdemo.render.palette import LINE

COLOURS = np.array([[(200, 0, 0), (0, 100, 0)], [(0, 0, 80), (100, 40, 20)]], np.uint8)


def test_parts_of_a_token_have_their_mean_colour_and_others_their_own() -> None:
    view = Image.fromarray(COLOURS.repeat(224, axis=0).repeat(224, axis=1))
    drawn = np.asarray(draw_groups(view, np.array([[3, 1], [-1, 3]])))
    inside = drawn[112::224, 112::224]
    assert inside[0, 0].tolist() == inside[1, 1].tolist() == [150, 20, 10]
    assert inside[0, 1].tolist() == [0, 100, 0]
    faded = np.asarray(draw_kept(view, [0, 1, 3], (2, 2)))
    assert np.array_equal(drawn[226:, :222], faded[226:, :222]), "what is gone is faded as everywhere"
    assert (drawn[:200, 224 : 224 + WIDTH] == LINE).all()
    joined = np.asarray(draw_groups(view, np.array([[0, 0], [0, 0]])))
    assert (joined == joined[0, 0]).all(), "no line within a token"
    assert joined[0, 0].tolist() == [75, 35, 25]
