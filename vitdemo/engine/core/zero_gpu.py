"""ZeroGPU: a GPU that a Space is lent for the time of one call, by the package `spaces`.

Elsewhere, where that package may also be, nothing imports it, and passes run where the network is. Written by
the source of spaces 0.51 and tried with a stand-in for it, never on ZeroGPU itself.
"""

from __future__ import annotations

import copy
import os
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from jaxtyping import Float
from torch import Tensor

from vitdemo.models import VisionTransformer

T = TypeVar("T")
LENT = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")  # as the package asks
DEVICE = "cuda"


def pass_on(
    passes: Callable[..., T], model: VisionTransformer, pixels: Float[Tensor, "b ch hh ww"], *settings: Any
) -> T:
    """Return `passes(model, pixels, *settings)`; where a GPU is lent, on it."""
    if LENT:
        model, pixels = model.to(DEVICE), pixels.to(DEVICE)
    return passes(model, pixels, *settings)


if LENT:
    # It replaces parts of torch, and must come before anybody asks for CUDA.
    try:
        from spaces import GPU  # type: ignore[import-not-found]
    except ImportError as error:  # of a folder `spaces`, too
        raise ValueError(
            "SPACES_ZERO_GPU is set, but what is imported as spaces is not the package that lends a GPU"
        ) from error
    pass_on = GPU(pass_on)


def call(
    passes: Callable[..., T], model: VisionTransformer, pixels: Float[Tensor, "b ch hh ww"], *settings: Any
) -> T:
    """Return `passes(model, pixels, *settings)`, a function of a module, from wherever there is a GPU for it.

    A GPU is lent to another process, whose passes are not counted, and to which all of it must be sent: the
    network stays on the CPU here, and goes without its hooks, which know the pool.
    """
    if LENT:
        model = copy.copy(model)
        model._forward_pre_hooks = OrderedDict()
    return pass_on(passes, model, pixels, *settings)
