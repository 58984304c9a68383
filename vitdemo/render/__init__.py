"""Pictures from numbers: numpy and PIL only, no torch, no state."""

from vitdemo.render.card import CARD, share_card
from vitdemo.render.film import animated_gif
from vitdemo.render.geometry import display_view, patch_at, patch_box
from vitdemo.render.overlay import describe, heat_figure, overlay, share_of_total
from vitdemo.render.palette import colour_map, stage_colours
from vitdemo.render.patches import (
    film_strip,
    head_gallery,
    kept_patches,
    lifetime_counts,
    lifetime_map,
    mark_patch,
    stage_of_drop,
    tile,
)
from vitdemo.render.scale import Heatmap, Scale, colour_bar, shared_scale

__all__ = [
    "CARD",
    "Heatmap",
    "Scale",
    "animated_gif",
    "colour_bar",
    "colour_map",
    "describe",
    "display_view",
    "film_strip",
    "head_gallery",
    "heat_figure",
    "kept_patches",
    "lifetime_counts",
    "lifetime_map",
    "mark_patch",
    "overlay",
    "patch_at",
    "patch_box",
    "share_card",
    "share_of_total",
    "shared_scale",
    "stage_colours",
    "stage_of_drop",
    "tile",
]
