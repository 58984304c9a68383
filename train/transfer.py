"""The weights of a network for another picture size, patch size or data set."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vitdemo.models import VisionTransformer

Size = tuple[int, int]
KERNEL, POSITIONS, HEAD = "patch_embed.proj.weight", "pos_embed", "head."


def transfer(source: VisionTransformer, target: VisionTransformer, *, head: bool) -> dict[str, Tensor]:
    """Return the state of `source` in the shapes of `target`, without the classifier unless `head`.

    Positions and patch kernel are resampled where the grid or the patch differs.
    """
    state = dict(source.state_dict())
    shapes = {key: value.shape for key, value in target.state_dict().items()}
    if KERNEL in state and state[KERNEL].shape[-2:] != shapes[KERNEL][-2:]:
        state[KERNEL] = resample_kernel(state[KERNEL], shapes[KERNEL][-2:])
    if source.config.grid != target.config.grid:
        prefix = source.config.num_prefix_tokens
        state[POSITIONS] = resample_positions(
            state[POSITIONS],
            old=source.config.grid,
            new=target.config.grid,
            prefix=0 if source.config.no_embed_class else prefix,
        )
    return state if head else {key: value for key, value in state.items() if not key.startswith(HEAD)}


def resample_kernel(kernel: Float[Tensor, "d ch ph pw"], size: Size) -> Float[Tensor, "d ch qh qw"]:
    """Return the patch kernel for patches of another size, in pixels.

    Pseudo-inverse resize (FlexiViT, Beyer et al. 2023, eq. 4 and 5). Where the patch grows, a resized patch
    gives the very same embedding as before.
    """
    resize = resize_matrix((kernel.shape[-2], kernel.shape[-1]), size)
    flat = kernel.double().flatten(2) @ torch.linalg.pinv(resize).T.to(kernel.device)
    return flat.view(*kernel.shape[:2], *size).to(kernel.dtype)


def resize_matrix(old: Size, new: Size) -> Float[Tensor, "p q"]:
    """Return the matrix that takes row vectors of `old` pixels to those of `new`: bicubic interpolation."""
    basis = torch.eye(math.prod(old), dtype=torch.float64).view(-1, 1, *old)
    return F.interpolate(basis, new, mode="bicubic", antialias=True, align_corners=False).flatten(1)


def resample_positions(
    table: Float[Tensor, "1 n d"], *, old: Size, new: Size, prefix: int
) -> Float[Tensor, "1 m d"]:
    """Return position embeddings for another grid of patches; those of the `prefix` tokens stay.

    Bicubic (Dosovitskiy et al. 2021, sec. 3.2).
    """
    grid = table[:, prefix:].unflatten(1, old).permute(0, 3, 1, 2).float()
    grid = F.interpolate(grid, new, mode="bicubic", antialias=True, align_corners=False)
    return torch.cat([table[:, :prefix], grid.flatten(2).transpose(1, 2).to(table.dtype)], dim=1)
