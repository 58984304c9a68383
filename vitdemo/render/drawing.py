"""A map over its picture, ready to be drawn as pixels or as shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from PIL import Image

from vitdemo.render.geometry import DISPLAY_EDGE, Grid, enlarge_view
from vitdemo.render.overlay import draw_heat
from vitdemo.render.patches import mark_patch
from vitdemo.render.scale import OPACITY, Heatmap, Scale
from vitdemo.render.vector import draw_vector


@dataclass(frozen=True, eq=False)
class Drawing:
    """A map, and how it is shown.

    `view`: the crop that the model saw. `scale`: what the colours mean. `gone`: patches that were dropped.
    `query`: the patch that is framed, or None.
    """

    view: Image.Image
    heat: Heatmap
    scale: Scale
    gone: Bool[np.ndarray, "gh gw"]
    query: int | None = None

    def to_image(
        self, *, opacity: float = OPACITY, smooth: bool = True, edge: int = DISPLAY_EDGE
    ) -> Image.Image:
        """Return the map over the view, its colour bar and a line of numbers below; as `draw_overlay`.

        The view is enlarged to `edge` pixels on its long edge.
        """
        view, options = enlarge_view(self.view, edge=edge), {"opacity": opacity, "smooth": smooth}
        figure = draw_heat(view, self.heat, scale=self.scale, gone=self.gone, **options)
        return frame_patch(figure, view, self.query, self.heat.shape)

    def to_svg(self, *, opacity: float = OPACITY, about: str = "") -> str:
        """Return the same as shapes, a square for each patch that tells its number; as `draw_vector`."""
        options = {"opacity": opacity, "about": about}
        return draw_vector(self.view, self.heat, scale=self.scale, gone=self.gone, **options)


def frame_patch(figure: Image.Image, view: Image.Image, patch: int | None, grid: Grid) -> Image.Image:
    """Return `figure` with `patch` of the overlay at its top framed; unchanged for None."""
    if patch is None:
        return figure
    overlay = figure.crop((0, 0, *enlarge_view(view).size))
    figure.paste(mark_patch(overlay, patch, grid), (0, 0))
    return figure
