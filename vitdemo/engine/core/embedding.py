"""What a picture is before the first block, in its parts, to be drawn."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.models import VisionTransformer


@dataclass(frozen=True, eq=False)
class Embedding:
    """What one picture is before the first block.

    `patches`, each patch projected linearly; `prefix`, the class, distillation and register tokens;
    `positions`, what tells places apart; see `VisionTransformer.positions`.
    """

    patches: Float[Tensor, "n d"]
    prefix: Float[Tensor, "p d"]
    positions: Float[Tensor, "m f"]


@torch.no_grad()
def take_apart(model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"]) -> Embedding:
    """Return what `model.embed` puts together of one picture, on the CPU. Runs the patch projection alone."""
    patches = model.patch_embed(pixels)[0]
    tables = (model.cls_token, model.dist_token, model.reg_token)
    prefix = [table[0] for table in tables if table is not None]
    parts = (patches, torch.cat(prefix) if prefix else patches[:0], model.positions())
    return Embedding(*(part.detach().float().cpu().clone() for part in parts))
