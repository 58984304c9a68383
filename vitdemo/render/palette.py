"""The colours of every picture: a perceptual map for numbers, a series for stages, greys for what is gone.

Figures carry their own opaque paper, so that they read the same on a light page and on a dark one.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

Colour = tuple[int, int, int]

PAPER: Colour = (250, 250, 250)
INK: Colour = (31, 41, 55)
MARK: Colour = (0, 229, 255)
LINE: Colour = (255, 255, 255)
OUTLIER: Colour = (74, 222, 128)  # beyond the end of a scale; the colour map has no green

# Every 15th entry of matplotlib's magma; straight lines between them stay within 3/255 of the original.
# No entry is a neutral grey, so grey is free to mean "no value here".
_MAGMA = (
    "000004 090720 1a1042 311165 4a1079 621980 792282 912b81 aa337d "
    "c23b75 d9466b ec5860 f7725c fc8e64 feaa74 fec68a fde2a3 fcfdbf"
)
# ColorBrewer's RdYlBu from blue, safe for the colour-blind: against, neither, for.
_SIGNED = "313695 4575b4 74add1 abd9e9 e0f3f8 ffffbf fee090 fdae61 f46d43 d73027 a50026"
# Okabe and Ito's colour-blind safe hues, early to late in rising lightness.
_STAGES: tuple[Colour, ...] = ((0, 114, 178), (204, 121, 167), (230, 159, 0), (240, 228, 66))


@lru_cache(maxsize=2)
def colour_map(*, signed: bool = False) -> UInt8[np.ndarray, "256 3"]:
    """Return the colour map, dark = low, light = high; of signed numbers blue, pale and red; read-only."""
    stops = np.array([list(bytes.fromhex(stop)) for stop in (_SIGNED if signed else _MAGMA).split()])
    table = _interpolate(stops, np.linspace(0, len(stops) - 1, 256))
    table.flags.writeable = False
    return table


def colours_of(share: Float[np.ndarray, "*shape"], *, signed: bool = False) -> UInt8[np.ndarray, "*shape 3"]:
    """Return the colour of each number in 0..1; outside it the nearest end. `signed`: 0.5 is neither."""
    return colour_map(signed=signed)[(np.clip(share, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)]


def stage_colours(stages: int) -> tuple[Colour, ...]:
    """Return one colour a pruning stage, first stage first; beyond four stages the hues are interpolated."""
    last = len(_STAGES) - 1
    at = np.arange(stages) if stages <= len(_STAGES) else np.linspace(0, last, stages)
    return tuple((int(r), int(g), int(b)) for r, g, b in _interpolate(np.array(_STAGES), at))


def fade(view: Image.Image) -> Image.Image:
    """Return the look of a dropped patch: neutral grey, pale, little contrast, still recognisable."""
    grey = view.convert("L").point(lambda value: 0.4 * value + 118)
    return Image.merge("RGB", (grey, grey, grey))


def where(mask: Bool[np.ndarray, "height width"], yes: Image.Image, no: Image.Image) -> Image.Image:
    """Return the picture `yes` where the mask is true, elsewhere `no`."""
    return Image.composite(yes, no, Image.fromarray(mask.astype(np.uint8) * 255))


def _interpolate(stops: np.ndarray, at: np.ndarray) -> UInt8[np.ndarray, "n 3"]:
    channels = [np.interp(at, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)
