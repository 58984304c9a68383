"""Pictures of tokens that stand for several patches."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int, UInt8
from PIL import Image

from vitdemo.render.geometry import enlarge_view, spread
from vitdemo.render.overlay import draw_dropped
from vitdemo.render.palette import LINE, where

WIDTH = 2  # pixels of the line round a group


def draw_groups(view: Image.Image, holders: Int[np.ndarray, "gh gw"]) -> Image.Image:
    """Draw the view as tokens: patches of one token in their mean colour, as Bolya et al. 2023 show them.

    A patch that is a token by itself stays as it is. A line runs where one token ends and another begins.
    `holders`: which token has each patch, any number from 0; -1 = the patch is gone, and faded.
    """
    view = enlarge_view(view)
    tokens = spread(holders, view.size)
    parts = np.bincount(holders[holders >= 0], minlength=int(holders.max()) + 1)
    merged = spread((holders >= 0) & (parts[holders] > 1), view.size)
    picture = where(merged, Image.fromarray(average(np.asarray(view), tokens)), view)
    picture = where(find_borders(tokens), Image.new("RGB", view.size, LINE), picture)
    return where(tokens < 0, draw_dropped(view, holders.shape), picture)


def average(
    pixels: UInt8[np.ndarray, "height width 3"], tokens: Int[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """Return at each pixel the mean colour of its token; what is gone counts as one, too."""
    labels = tokens.ravel() + 1
    counts = np.bincount(labels).clip(min=1)
    means = [np.bincount(labels, pixels[..., channel].ravel()) / counts for channel in range(3)]
    return np.stack(means, axis=-1).round().astype(np.uint8)[tokens + 1]


def find_borders(tokens: Int[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Return the pixels before which, to the left or above, another token lies."""
    found = np.zeros(tokens.shape, dtype=bool)
    for shift in range(1, WIDTH + 1):
        found[:, shift:] |= tokens[:, shift:] != tokens[:, :-shift]
        found[shift:] |= tokens[shift:] != tokens[:-shift]
    return found
