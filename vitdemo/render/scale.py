"""From numbers to colours: one scale that several maps share, and the bar that explains it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw

from vitdemo.render.palette import INK, OUTLIER, PAPER, colours_of
from vitdemo.render.text import draw_caption, font_size, load_font, stack

Heatmap = Float[np.ndarray, "_ _"]  # those of one scale may be of different grids
OPACITY = 0.85  # of the highest colour over a picture
USUAL, FACTOR = 98, 3  # a maximum that many times higher than this percentile is an outlier
COMMON = 99  # the percentile at which one scale of several maps ends
NOISE = 1e-6  # of a scale: numbers that differ by less are equal


@dataclass(frozen=True)
class Scale:
    """The values that get the first and the last colour, and the name of the quantity.

    `signed`: the colours diverge from the middle, which is 0.

    Raise ValueError if low and high are not finite or not in order.
    """

    low: float
    high: float
    label: str
    signed: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"scale: low must be below high, both finite, not {self.low} and {self.high}.")

    def colours(self, values: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
        """Return the colour of each value, beyond an end that of the end. NaN is not allowed."""
        return colours_of(self._share(values), signed=self.signed)

    def paint(self, heat: Heatmap, *, opacity: float) -> UInt8[np.ndarray, "gh gw 4"]:
        """Return the colours of a map over a picture, as `paint` in `ui/kit/maps/scale.js` has them.

        A patch is as opaque as it is high, up to `opacity`; a signed one as it is far from 0. One beyond the
        high end is green unless it is signed, one without a value transparent.
        """
        if self.signed:
            share = np.nan_to_num(np.clip(self._share(heat), 0, 1), nan=0.5)
            alpha = np.rint(255 * opacity * np.abs(2 * share - 1))
            return np.dstack([colours_of(share, signed=True), alpha]).astype(np.uint8)
        share = np.nan_to_num(np.clip(self._share(heat), 0, 1))
        colours = np.where((heat > self.high)[..., None], OUTLIER, colours_of(share))
        return np.dstack([colours, np.rint(255 * opacity * share)]).astype(np.uint8)

    def _share(self, values: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        return (np.asarray(values, dtype=np.float64) - self.low) / (self.high - self.low)


def share_scale(
    heats: Sequence[Heatmap], *, label: str, low: float | None = None, high: float | None = None
) -> Scale:
    """Return the scale from the smallest to the largest number of all maps together, unless an end is given.

    Maps that are constant (to 1e-6 of their size) get a scale around their value, so that rounding noise is
    not blown up into a pattern.

    Raise ValueError if no map has a number, or an infinite one.
    """
    values = np.concatenate([np.ravel(heat) for heat in heats]) if len(heats) else np.empty(0)
    values = values[~np.isnan(values)]
    if not values.size or np.isinf(values).any():
        raise ValueError("heats: a scale needs at least one number, and finite ones only.")
    bottom = float(values.min()) if low is None else low
    top = float(values.max()) if high is None else high
    if abs(top - bottom) <= NOISE * max(abs(top), abs(bottom)):
        margin = abs(top) / 2 or 0.5
        bottom, top = (bottom - margin if low is None else low), (top + margin if high is None else high)
    return Scale(bottom, top, label)


def own_scale(heat: Heatmap, *, label: str) -> Scale:
    """Return the scale of a map from 0 to its maximum, as `own` in `ui/kit/maps/scale.js` has it.

    Where the maximum is an outlier, which would darken all other patches, it ends at the 98th percentile.
    Raise as `share_scale`.
    """
    scale = share_scale([heat], label=label, low=0.0)
    usual = float(np.nanpercentile(heat, USUAL))
    return replace(scale, high=usual) if 0 < FACTOR * usual < scale.high else scale


def signed_scale(heat: Heatmap, *, label: str) -> Scale:
    """Return the scale of a map of either sign, as far below 0 as above. Raise as `share_scale`.

    It ends as `own_scale` does for the size of its numbers.
    """
    reach = own_scale(np.abs(heat), label=label).high
    return Scale(-reach, reach, label, signed=True)


def common_scale(heats: Sequence[Heatmap], *, label: str, low: float | None = 0.0) -> Scale:
    """Return one scale for several maps, from `low` (None: their smallest number) to their 99th percentile.

    `common` in `ui/kit/maps/scale.js` has the same. Raise as `share_scale`.
    """
    scale = share_scale(heats, label=label, low=low)
    values = np.concatenate([heat.ravel() for heat in heats])
    usual, high = float(np.nanpercentile(values, COMMON)), float(np.nanmax(values))
    exceeded = high - usual > NOISE * (high - scale.low)
    return replace(scale, high=usual) if scale.low < usual and exceeded else scale


def format_ticks(scale: Scale) -> list[str]:
    """Return low, middle and high of a scale as text, with as many decimals as tell them apart."""
    middle = (scale.low + scale.high) / 2
    decimals = 2 - math.floor(math.log10(scale.high - scale.low))
    if -5 < decimals <= 5:
        return [f"{value:.{max(0, decimals)}f}" for value in (scale.low, middle, scale.high)]
    return [f"{value:.2e}" for value in (scale.low, middle, scale.high)]


def draw_colour_bar(
    scale: Scale, *, width: int = 448, below: bool = False, above: bool = False
) -> Image.Image:
    """Draw the bar of a scale with its label and three numbers, to be put under a picture of that width.

    Args:
        scale: what to draw.
        width: in pixels, at least 100.
        below: the pictures hold values under the low end; its number is then marked with <=.
        above: the pictures hold values over the high end; its number is then marked with >=, and their green
            stands at the end of the bar unless it is signed.
    """
    if width < 100:
        raise ValueError(f"width: a colour bar needs at least 100 pixels, not {width}.")
    size = font_size(width)
    pad = size // 3
    bar = Image.new("RGB", (width, round(2.6 * size)), PAPER)
    draw = ImageDraw.Draw(bar)
    shares = np.linspace(0, 1, width - 2 * pad)
    ramp = Image.fromarray(colours_of(shares, signed=scale.signed)[None])
    bar.paste(ramp.resize((width - 2 * pad, size)), (pad, 0))
    if above and not scale.signed:
        draw.rectangle((width - pad - size, 0, width - pad - 1, size), fill=OUTLIER)
    draw.rectangle((pad, 0, width - pad - 1, size), outline=INK)
    low, middle, high = format_ticks(scale)
    texts = ("<= " * below + low, middle, ">= " * above + high)
    for text, x, anchor in zip(texts, (pad, width // 2, width - pad), ("lt", "mt", "rt"), strict=True):
        draw.text((x, round(1.45 * size)), text, fill=INK, font=load_font(size), anchor=anchor)
    for x in (pad, width // 2, width - pad - 1):
        draw.line((x, size, x, round(1.25 * size)), fill=INK)
    return stack([draw_caption(scale.label, width), bar]) if scale.label else bar
