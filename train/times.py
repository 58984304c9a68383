"""How long pictures take, one at a time and many at once, by each way to have fewer tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vitdemo import timing
from vitdemo.models import VisionTransformer
from vitdemo.models.selectors import prune_by

BATCHES = (1, 32)
ROUNDS, SECONDS = (5, 9), 1.0  # of each batch


@torch.inference_mode()
def measure_passes(
    model: VisionTransformer,
    pixels: Float[Tensor, "b ch hh ww"],
    ways: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return for each of `ways` its `vitdemo.timing.Timing` by the number of pictures; all take turns.

    A way: `keep_ratio`, `selector`, "" = dense, and `reduction`. `pixels`: the pictures, repeated where they
    are too few. A time is None where the machine was too busy to measure it, milliseconds else.
    """
    found: list[dict[str, Any]] = [{} for _ in ways]
    for batch in BATCHES:
        some = pixels.repeat(-(-batch // len(pixels)), 1, 1, 1)[:batch]
        calls = [partial(fetch_pass, model, some, **way) for way in ways]
        for entry, time in zip(found, timing.measure(calls, seconds=SECONDS, rounds=ROUNDS), strict=True):
            entry[str(batch)] = time and asdict(time)
    return found


def run_pass(
    model: nn.Module, pixels: Float[Tensor, "b ch hh ww"], *, keep_ratio: float, selector: str, reduction: str
) -> Float[Tensor, "b c"]:
    """Return the logits. Where `selector` is named, the network prunes: "" = dense."""
    if not selector:
        return model(pixels)
    assert isinstance(model, VisionTransformer)
    pruning = prune_by(selector, keep_ratio, model=model, pixels=pixels, reduction=reduction)
    return model(pixels, pruning=pruning)


def fetch_pass(model: nn.Module, pixels: Float[Tensor, "b ch hh ww"], **way: Any) -> Float[Tensor, "b c"]:
    """Return the same on the CPU: a GPU says that it is done before it is."""
    return run_pass(model, pixels, **way).cpu()
