"""At what size a network reads a picture: whole patches, as many as the memory for one record holds."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from vitdemo import cost
from vitdemo.config import Size, ViTConfig, as_pair, simplify_size
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.message import Message
from vitdemo.registry import ModelSpec

OWN = "own"  # the picture's own shape, all of it
USUAL = (16, 24, 32, 48, 64, 96, 128, 160, 224, 336, 448, 672, 896, 1344)  # pixels on the short side
LEAST, MOST = 0.4, 3.0  # times the network's own side: what of the usual sizes is offered
Grid = tuple[int, int]


@dataclass(frozen=True)
class SizeChoice:
    """A size that may be asked for. `size`: as a `Request` has it. `pixels`: (height, width).

    `work`: the multiply-accumulates, as a multiple of those at the network's own size. The picture's own
    shape gives about as many patches as stand here.
    """

    size: str
    pixels: tuple[int, int]
    patches: int
    work: float


def choose_spec(spec: ModelSpec, size: str, *, picture: tuple[int, int], limits: Limits) -> ModelSpec:
    """Return `spec` at the input size that is asked for.

    `size`: "" = as the network likes it; a number of pixels on the short side of the network's own shape,
    rounded to whole patches; "own" = the whole picture in its own shape, in no more patches than the network
    likes. `picture`: its width and height. `limits`: of the long side and of what one record may take; "" and
    "own" get smaller where they exceed them. Raise ValueError for anything else, and for a number out of the
    range that fits.
    """
    config = spec.config
    if size in ("", OWN):
        whole = fits(config, config.grid, limits)
        if whole and not size:
            return spec
        most = config.grid if whole else find_largest(config, limits)
        if not size:
            return resize_spec(spec, to_pixels(config, most))
        grid = shape_grid(config, picture, most[0] * most[1])
        return resize_spec(spec, to_pixels(config, grid), crop_pct=1.0, crop_mode="center")
    if not re.fullmatch("[0-9]{1,5}", size):
        raise ValueError(
            Message("size must be {own} or a number of pixels, got {size}", own=OWN, size=repr(size))
        )
    grid, least = scale_grid(config, int(size)), min(as_pair(config.patch_size))
    if int(size) < least or not fits(config, grid, limits):
        largest = find_largest(config, limits)
        raise ValueError(
            Message(
                "size must be from {least} to {most} pixels for {model} here, got {size}",
                least=least,
                most=min(as_pair(to_pixels(config, largest))),
                model=spec.title,
                size=size,
            )
        )
    return resize_spec(spec, to_pixels(config, grid))


def resize_spec(spec: ModelSpec, size: Size, **data: Any) -> ModelSpec:
    """Return `spec` at another input size, its pictures resized to exactly that.

    `data`: what else is another in its `DataConfig`.
    """
    if size == spec.config.img_size and not data:
        return spec
    return replace(
        spec,
        config=replace(spec.config, img_size=size),
        data=replace(spec.data, img_size=size, crop_size=None, **data),
    )


@lru_cache(maxsize=256)
def offer_sizes(spec: ModelSpec, limits: Limits) -> Mapping[str, SizeChoice]:
    """Return what fits, by `size`: as the network likes it, usual ones from small to large, the own shape.

    The menu asks for them with every answer.
    """
    own = choose_spec(spec, "", picture=(1, 1), limits=limits).config
    found = [describe_size("", own, spec.config)]
    for side in USUAL:
        if not LEAST <= side / min(as_pair(spec.config.img_size)) <= MOST:
            continue
        grid = scale_grid(spec.config, side)
        if grid != own.grid and fits(spec.config, grid, limits):
            config = replace(spec.config, img_size=to_pixels(spec.config, grid))
            found.append(describe_size(str(min(as_pair(config.img_size))), config, spec.config))
    return MappingProxyType({one.size: one for one in (*found, describe_size(OWN, own, spec.config))})


def describe_size(size: str, config: ViTConfig, own: ViTConfig) -> SizeChoice:
    """Return what `config` costs beside the network's `own`."""
    return SizeChoice(size, as_pair(config.img_size), config.num_patches, cost.macs(config) / cost.macs(own))


def scale_grid(config: ViTConfig, side: int) -> Grid:
    """Return the rows and columns of the network's shape whose short side has about `side` pixels."""
    (rows, columns), (height, width) = config.grid, as_pair(config.img_size)
    short, edge = (rows, height) if height <= width else (columns, width)
    return multiply_grid(config.grid, max(1, round(side * short / edge)) / short)


def multiply_grid(grid: Grid, factor: float) -> Grid:
    """Return the grid so many times as fine, in whole patches."""
    return max(1, round(grid[0] * factor)), max(1, round(grid[1] * factor))


def find_largest(config: ViTConfig, limits: Limits) -> Grid:
    """Return the largest grid of the network's shape that fits.

    Raise ValueError where not even that with one patch on its short side does.
    """
    short = min(config.grid)
    counts = range(1, limits.input_pixels + 1)  # on the short side, each of one pixel at least
    count = bisect_left(
        counts, True, key=lambda one: not fits(config, multiply_grid(config.grid, one / short), limits)
    )
    if not count:
        raise ValueError(
            Message(
                "Even the smallest picture that this network can read is larger than {side} pixels, or its "
                "record than {limit} MB",
                side=limits.input_pixels,
                limit=f"{limits.trace_megabytes:,.0f}",
            )
        )
    return multiply_grid(config.grid, count / short)


def fits(config: ViTConfig, grid: Grid, limits: Limits) -> bool:
    """Return whether so many patches are a picture that is read."""
    size = to_pixels(config, grid)
    if max(as_pair(size)) > limits.input_pixels:
        return False
    return cost.trace_bytes(replace(config, img_size=size)) <= limits.trace_megabytes * MEGABYTE


def shape_grid(config: ViTConfig, picture: tuple[int, int], most: int) -> Grid:
    """Return the grid of up to `most` patches whose shape in pixels is nearest to that of the picture."""
    (width, height), (patch_height, patch_width) = picture, as_pair(config.patch_size)
    rows, columns = height / patch_height, width / patch_width
    ratio = max(rows, columns) / min(rows, columns)
    short = max(1, math.floor(math.sqrt(most / ratio)))
    long = max(1, min(most // short, round(short * ratio)))
    return (short, long) if rows <= columns else (long, short)


def to_pixels(config: ViTConfig, grid: Grid) -> Size:
    """Return the size of so many patches."""
    height, width = as_pair(config.patch_size)
    return simplify_size((grid[0] * height, grid[1] * width))


def tell_size(config: ViTConfig, trained: Size | None) -> str:
    """Return what to know of an answer at another size than the network was trained for, else ""."""
    if trained is None:
        return ""
    return Message(
        "Read at {size} pixels, not at the {trained} that the network was trained for: {positions}, and what "
        "was measured of it does not hold here.",
        size=spell_size(config.img_size),
        trained=spell_size(trained),
        positions=tell_positions(config),
    )


def tell_positions(config: ViTConfig) -> Message:
    """Return what becomes of a network's positions at another size."""
    if config.use_abs_pos_emb:
        return Message("its positions are resampled")
    if config.rope is not None:
        return Message("the angles of its rotary positions are computed for this size")
    return Message("it has no positions")


def spell_size(size: Size) -> str:
    """Return width and height as people write them."""
    height, width = as_pair(size)
    return f"{width} × {height}"
