"""The sizes at which a network may read a picture, in words."""

from __future__ import annotations

from collections.abc import Mapping

from vitdemo.engine import SizeChoice
from vitdemo.engine.core.sizes import OWN
from vitdemo.ui.kit.language import say

OWN_SIZE = "Its own: {width} × {height}, {count} patches"
SHRUNK_SIZE = "The largest that fits here: {width} × {height}, {count} patches"
OTHER_SIZE = "{width} × {height}, {count} patches, {work} × the work"
OWN_SHAPE = "The picture's own shape, up to {count} patches"


def list_sizes(sizes: Mapping[str, SizeChoice]) -> list[tuple[str, str]]:
    """Return the choices of the dropdown of input sizes."""
    return [(write_size(one), size) for size, one in sizes.items()]


def write_size(one: SizeChoice) -> str:
    """Return what a size means: pixels, patches, and how much longer it takes than the network's own."""
    own = OWN_SIZE if one.work == 1 else SHRUNK_SIZE
    words = {"": own, OWN: OWN_SHAPE}.get(one.size, OTHER_SIZE)
    height, width = one.pixels
    return say(words, width=width, height=height, count=f"{one.patches:,}", work=f"{one.work:.2g}")
