"""The part of a picture that a network reads."""

from __future__ import annotations

from vitdemo.config import RANGES, Size, as_pair, simplify_size
from vitdemo.kinds import check_range


def cover(img_size: Size, patch_size: Size) -> Size:
    """Return the part of a picture, from its top left corner, that whole patches cover.

    What is beyond them no network reads: of 384 pixels patches of 14 cover 378. Raise ValueError where not
    even one patch fits.
    """
    check_range("img_size", img_size, *RANGES["img_size"])
    check_range("patch_size", patch_size, *RANGES["patch_size"])
    (height, width), (patch_h, patch_w) = as_pair(img_size), as_pair(patch_size)
    if height < patch_h or width < patch_w:
        raise ValueError(f"img_size {height} x {width} is less than patch_size {patch_h} x {patch_w}")
    return simplify_size((height - height % patch_h, width - width % patch_w))
