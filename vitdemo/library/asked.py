"""What a program hands over: a picture, and what it asks of one; checked before a network runs."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image

from vitdemo.engine import ATTENTION_METHODS, CLASS_METHODS, Look

Picture: TypeAlias = str | Path | Image.Image | np.ndarray
"""A file, an image, or an array of 8-bit numbers: (h, w) grey, (h, w, 3) colours, (h, w, 4) with opacity."""

OPTIONS = tuple(field.name for field in fields(Look) if field.name != "method")


def check_asked(method: str, class_name: str, options: dict[str, Any]) -> Look | None:
    """Return what of the attention is asked for, None for a map of a class. Raise ValueError as `explain`."""
    known = (*CLASS_METHODS, *ATTENTION_METHODS)
    if method not in known:
        raise ValueError(f"method must be one of {', '.join(known)}, got {method!r}")
    of_class = method in CLASS_METHODS
    if class_name and not of_class:
        raise ValueError(f"{method} explains no class; these do: {', '.join(CLASS_METHODS)}")
    allowed = () if of_class else OPTIONS
    for option in options:
        if option not in allowed:
            names = ", ".join(allowed) or "none"
            raise ValueError(f"unknown option {option!r} of {method}; its options: {names}")
    return None if of_class else Look(method, **options)


def from_array(values: np.ndarray) -> Image.Image:
    """Return the picture of an array. Raise ValueError for one of another kind than `Picture` says."""
    coloured = values.ndim == 3 and values.shape[2] in (3, 4)
    if values.dtype != np.uint8 or not (values.ndim == 2 or coloured) or not values.size:
        shape = " x ".join(map(str, values.shape))
        raise ValueError(
            f"a picture must be uint8 of (h, w), (h, w, 3) or (h, w, 4), got {values.dtype} of {shape}"
        )
    return Image.fromarray(values)
