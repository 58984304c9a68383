"""Pictures from numbers: numpy and PIL only, no torch, no state."""

from vitdemo.render.card import CARD, draw_card
from vitdemo.render.drawing import Drawing, frame_patch
from vitdemo.render.film import encode_gif
from vitdemo.render.geometry import DISPLAY_EDGE, enlarge_view, patch_at, patch_box
from vitdemo.render.groups import draw_groups
from vitdemo.render.overlay import describe, draw_heat, draw_overlay, share_of_total
from vitdemo.render.palette import colour_map, stage_colours
from vitdemo.render.patches import (
    count_lifetimes,
    draw_film_strip,
    draw_gallery,
    draw_kept,
    draw_lifetimes,
    draw_tiles,
    mark_patch,
    stage_of_drop,
)
from vitdemo.render.scale import (
    OPACITY,
    Heatmap,
    Scale,
    common_scale,
    draw_colour_bar,
    own_scale,
    share_scale,
    signed_scale,
)

__all__ = [
    "CARD",
    "DISPLAY_EDGE",
    "OPACITY",
    "Drawing",
    "Heatmap",
    "Scale",
    "colour_map",
    "common_scale",
    "count_lifetimes",
    "describe",
    "draw_card",
    "draw_colour_bar",
    "draw_film_strip",
    "draw_gallery",
    "draw_groups",
    "draw_heat",
    "draw_kept",
    "draw_lifetimes",
    "draw_overlay",
    "draw_tiles",
    "encode_gif",
    "enlarge_view",
    "frame_patch",
    "mark_patch",
    "own_scale",
    "patch_at",
    "patch_box",
    "share_of_total",
    "share_scale",
    "signed_scale",
    "stage_colours",
    "stage_of_drop",
]
