"""A heat map over the picture that the model saw, which shows through: one value a patch, one scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool
from PIL import Image

from vitdemo.message import Message, said
from vitdemo.render.geometry import Grid, enlarge_view, mask_grid_lines, spread
from vitdemo.render.palette import LINE, fade, where
from vitdemo.render.scale import OPACITY, Heatmap, Scale, draw_colour_bar
from vitdemo.render.text import draw_caption, stack


def draw_overlay(
    view: Image.Image,
    heat: Heatmap,
    *,
    scale: Scale,
    gone: Bool[np.ndarray, "gh gw"] | None = None,
    opacity: float = OPACITY,
    smooth: bool = True,
) -> Image.Image:
    """Colour the view by the values of its patches, as the page draws a map.

    Args:
        view: the crop that the model saw, any size; enlarged to 448 pixels on its long edge if smaller.
        heat: (gh, gw), in the unit of the scale; NaN = the patch has no value.
        scale: what the colours mean; the caller chooses it, so that maps can be compared.
        gone: patches that were dropped. They are grey under their colours, and those without a value as well.
        opacity: of the scale's high end; a lower value lets more of the view through, 0 all of it.
        smooth: blend the colours between patch centres instead of one flat colour a patch.

    Raise ValueError for an opacity outside 0..1, or an infinite value.
    """
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity: {opacity} is not between 0 and 1.")
    if np.isinf(heat).any():
        raise ValueError("heat: every value must be finite, or NaN where a patch was pruned.")
    view = enlarge_view(view)
    size, empty = view.size, np.isnan(heat)
    dropped = draw_dropped(view, heat.shape)
    ground = where(spread(empty if gone is None else empty | gone, size), dropped, view)
    painted = scale.paint(heat, opacity=opacity)
    flat = Image.fromarray(painted if smooth else spread(painted, size))
    colours = flat.resize(size, Image.Resampling.BILINEAR) if smooth else flat
    picture = Image.alpha_composite(ground.convert("RGBA"), colours).convert("RGB")
    return where(spread(empty, size), dropped, picture)  # without what their neighbours lent them


def draw_heat(view: Image.Image, heat: Heatmap, *, scale: Scale, **options: Any) -> Image.Image:
    """Draw the overlay with its colour bar and one line of numbers below; arguments as `draw_overlay`."""
    picture = draw_overlay(view, heat, scale=scale, **options)
    values = heat[~np.isnan(heat)]
    below, above = bool((values < scale.low).any()), bool((values > scale.high).any())
    bar = draw_colour_bar(scale, width=max(100, picture.width), below=below, above=above)
    return stack([picture, bar, draw_caption(describe(heat), bar.width)])


def draw_dropped(view: Image.Image, grid: Grid) -> Image.Image:
    """Draw the whole view in the look of dropped patches: faded, under a thin grid."""
    return where(mask_grid_lines(view.size, grid), Image.new("RGB", view.size, LINE), fade(view))


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
