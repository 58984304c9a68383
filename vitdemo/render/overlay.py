"""A heat map over the picture that the model saw: one value a patch, one scale, nothing hidden."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool
from PIL import Image

from vitdemo.message import Message, said
from vitdemo.render.geometry import Grid, Size, enlarge_view, spread
from vitdemo.render.palette import fade, where
from vitdemo.render.scale import Heatmap, Scale, draw_colour_bar
from vitdemo.render.text import draw_caption, stack


def draw_overlay(
    view: Image.Image, heat: Heatmap, *, scale: Scale, opacity: float = 0.6, smooth: bool = False
) -> Image.Image:
    """Colour every patch of the view by its value; patches without a value (NaN) are grey and hatched.

    Args:
        view: the crop that the model saw, any size; enlarged to 448 pixels on its long edge if smaller.
        heat: (gh, gw), in the unit of the scale.
        scale: what the colours mean; the caller chooses it, so that maps can be compared.
        opacity: 0 shows the view alone, 1 the colours alone.
        smooth: blend between patch centres (bilinear, over patches that have a value) instead of one flat
            colour a patch.

    Raise ValueError for an opacity outside 0..1, or an infinite value.
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity: {opacity} is not between 0 and 1.")
    if np.isinf(heat).any():
        raise ValueError("heat: every value must be finite, or NaN where a patch was pruned.")
    view = enlarge_view(view)
    gone = np.isnan(heat)
    colours = (
        scale.colours(_spread_smooth(heat, view.size)) if smooth else _spread_flat(heat, view.size, scale)
    )
    coloured = Image.blend(view, Image.fromarray(colours), opacity)
    return where(spread(gone, view.size), hatch(view, heat.shape), coloured) if gone.any() else coloured


def draw_heat(
    view: Image.Image, heat: Heatmap, *, scale: Scale, opacity: float = 0.6, smooth: bool = False
) -> Image.Image:
    """Draw the overlay with its colour bar and one line of numbers below; arguments as `draw_overlay`."""
    picture = draw_overlay(view, heat, scale=scale, opacity=opacity, smooth=smooth)
    values = heat[~np.isnan(heat)]
    below, above = bool((values < scale.low).any()), bool((values > scale.high).any())
    bar = draw_colour_bar(scale, width=max(100, picture.width), below=below, above=above)
    return stack([picture, bar, draw_caption(describe(heat), bar.width)])


def share_of_total(heat: Heatmap) -> Heatmap:
    """Return each patch's share of the sum over all patches, 0..1; NaN stays NaN, an all-zero map stays zero.

    Raise ValueError for a negative value, of which there is no share.
    """
    if (heat < 0).any():
        raise ValueError("heat: a share of the total needs values of zero or more.")
    total = np.nansum(heat)
    return heat / total if total > 0 else heat.copy()


def describe(heat: Heatmap) -> str:
    """Return a line: the top patch's share of the total (where there is one), how many have a value."""
    gone, parts = int(np.isnan(heat).sum()), []
    if gone < heat.size and np.nanmin(heat) >= 0 and np.nansum(heat) > 0:
        share = f"{100 * np.nanmax(share_of_total(heat)):.1f}"
        parts.append(Message("Top patch: {share} % of the total", share=share))
    some = Message("{left} of {count} patches", left=heat.size - gone, count=heat.size)
    parts.append(some if gone else Message("{count} patches", count=heat.size))
    return " · ".join(map(said, parts))


def hatch(view: Image.Image, grid: Grid) -> Image.Image:
    """Draw the whole view in the look of a patch that has no value: faded, with diagonal lines."""
    width, height = view.size
    pitch = int(np.clip(min(width // grid[1], height // grid[0]) // 3, 4, 12))
    y, x = np.ogrid[:height, :width]
    lines: Bool[np.ndarray, "height width"] = (x + y) % pitch < max(1, pitch // 6)
    pale = fade(view)
    return where(lines, pale.point(lambda value: 0.75 * value), pale)


def _spread_flat(heat: Heatmap, size: Size, scale: Scale) -> np.ndarray:
    return spread(scale.colours(np.nan_to_num(heat, nan=scale.low)), size)


def _spread_smooth(heat: Heatmap, size: Size) -> np.ndarray:
    """Interpolate between patch centres; a missing patch lends no value, the others' weights grow."""
    present = ~np.isnan(heat)
    layers = (np.where(present, heat, 0.0), present)
    value, weight = (
        np.asarray(Image.fromarray(layer.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
        for layer in layers
    )
    return value / np.maximum(weight, 1e-6)
