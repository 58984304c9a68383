"""A network that shares the weights of another, for the same input size or for another one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vitdemo.config import ViTConfig
from vitdemo.models import VisionTransformer, build_model


def make_twin(model: VisionTransformer, config: ViTConfig | None = None) -> VisionTransformer:
    """Return a network of its own that shares the weights of `model`.

    Modules can be exchanged in it without touching a module that others use at this moment. `config`: what it
    is, None = what `model` is; another input size or kind of attention needs no other weights. Where its grid
    of patches is another, its positions are resampled, and are its own.
    """
    config = config or model.config
    with torch.device("meta"):
        twin = build_model(config)
    state = model.state_dict()
    if model.pos_embed is not None and config.grid != model.config.grid:
        state["pos_embed"] = resample_positions(model.pos_embed, old=model.config.grid, new=config.grid)
    twin.load_state_dict(state, assign=True)
    return twin.eval().requires_grad_(False)


@torch.no_grad()
def resample_positions(
    table: Float[Tensor, "1 m d"], *, old: tuple[int, int], new: tuple[int, int]
) -> Float[Tensor, "1 k d"]:
    """Return the positions of a grid of patches for another grid: bicubic with antialiasing, as timm does it.

    `old`, `new`: rows and columns. What stands before the patches belongs to no place and stays.
    """
    prefix = table.shape[1] - old[0] * old[1]
    patches = table[:, prefix:].unflatten(1, old).permute(0, 3, 1, 2)
    resampled = F.interpolate(patches, size=new, mode="bicubic", antialias=True)
    return torch.cat([table[:, :prefix], resampled.flatten(2).transpose(1, 2)], dim=1)
