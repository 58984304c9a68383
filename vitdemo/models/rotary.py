"""Rotary positions: queries and keys turned by angles that follow from where a patch lies."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.config import ViTConfig


def token_angles(config: ViTConfig, device: torch.device) -> Float[Tensor, "n e"]:
    """Return the angle of each pair of numbers of a head for each token, in radians; `e` pairs.

    Those of the prefix tokens, which lie nowhere, are 0. Raise ValueError without `config.rope`.
    """
    if config.rope is None:
        raise ValueError("token_angles needs a config with rope set")
    quarter = config.embed_dim // config.num_heads // 4
    exponents = torch.arange(quarter, device=device) / quarter
    speeds = 1 / config.rope.temperature**exponents
    places = torch.meshgrid([axis_places(config, axis, device) for axis in (0, 1)], indexing="ij")
    order = reversed(places) if config.rope.x_first else places
    patches = torch.cat([place.flatten()[:, None] * speeds for place in order], dim=1)
    return torch.cat([patches.new_zeros(config.num_prefix_tokens, 2 * quarter), patches])


def axis_places(config: ViTConfig, axis: int, device: torch.device) -> Float[Tensor, "g"]:
    """Return where the patches lie along the rows (`axis` 0) or the columns (1)."""
    assert config.rope is not None
    count = config.grid[axis]
    places = torch.arange(count, device=device, dtype=torch.float32)
    if config.rope.centered:
        return 2 * math.pi * (2 * (places + 0.5) / count - 1)
    places = places + config.rope.offset
    if config.rope.reference is not None:
        places = places / count * config.rope.reference[axis]
    return places


def turn(
    x: Float[Tensor, "b h n two_e"], angles: Float[Tensor, "b n e"], *, halves: bool
) -> Float[Tensor, "b h n two_e"]:
    """Return queries or keys `x` with each pair turned by its angle; see `RopeConfig` for `halves`."""
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    first, second = x.chunk(2, dim=-1) if halves else (x[..., ::2], x[..., 1::2])
    turned = (first * cos - second * sin, second * cos + first * sin)
    return (torch.cat(turned, dim=-1) if halves else torch.stack(turned, dim=-1).flatten(-2)).to(x.dtype)
