"""DynamicViT's inference as the paper and the names of its authors' tensors have it, apart from our code."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES = (3, 6, 9)  # the blocks before which patches go


class Part(nn.Module):
    """A group of tensors by name."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


class OfficialDynamicViT(nn.Module):
    """As trained by its authors: heads of 64, 12 blocks, three predictors; the best patches come first.

    `forward` returns the logits of one picture, and the patches that are left after each stage.
    """

    def __init__(self, *, width: int, classes: int, side: int, patch: int) -> None:
        super().__init__()
        self.heads, eps = width // 64, 1e-6
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, side * side + 1, width))
        self.patch_embed = Part(proj=nn.Conv2d(3, width, patch, patch))
        self.blocks = nn.ModuleList(
            Part(
                norm1=nn.LayerNorm(width, eps),
                attn=Part(qkv=nn.Linear(width, 3 * width), proj=nn.Linear(width, width)),
                norm2=nn.LayerNorm(width, eps),
                mlp=Part(fc1=nn.Linear(width, 4 * width), fc2=nn.Linear(4 * width, width)),
            )
            for _ in range(12)
        )
        self.norm = nn.LayerNorm(width, eps)
        self.head = nn.Linear(width, classes)
        self.score_predictor = nn.ModuleList(
            Part(
                in_conv=nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU()),
                out_conv=nn.Sequential(
                    nn.Linear(width, width // 2),
                    nn.GELU(),
                    nn.Linear(width // 2, width // 4),
                    nn.GELU(),
                    nn.Linear(width // 4, 2),
                ),
            )
            for _ in STAGES
        )

    def forward(self, picture: Tensor, keep_ratio: float) -> tuple[Tensor, list[list[int]]]:
        patches = self.patch_embed.get_submodule("proj")(picture[None])[0].flatten(1).T
        x, left, kept = (
            torch.cat([self.cls_token[0], patches]) + self.pos_embed[0],
            list(range(len(patches))),
            [],
        )
        for index, block in enumerate(self.blocks):
            if index in STAGES:
                stage = STAGES.index(index)
                count = int(len(patches) * keep_ratio ** (stage + 1))
                best = self.score(x[1:], stage).argsort(descending=True)[:count]
                x, left = torch.cat([x[:1], x[1:][best]]), [left[place] for place in best]
                kept.append(left)
            x = self.run_block(x, block)
        return self.head(self.norm(x)[0]), kept

    def run_block(self, x: Tensor, block: nn.Module) -> Tensor:
        part = block.get_submodule
        qkv = part("attn.qkv")(part("norm1")(x)).unflatten(1, (3, self.heads, 64))
        q, k, v = qkv.permute(1, 2, 0, 3)
        mixed = ((q @ k.mT / 8).softmax(dim=-1) @ v).transpose(0, 1).flatten(1)
        x = x + part("attn.proj")(mixed)
        return x + part("mlp.fc2")(F.gelu(part("mlp.fc1")(part("norm2")(x))))

    def score(self, patches: Tensor, stage: int) -> Tensor:
        """Return the logarithm of each patch's probability to be kept (Rao et al. 2021, eq. 2-5)."""
        predictor = self.score_predictor[stage].get_submodule
        local, shared = predictor("in_conv")(patches).chunk(2, dim=1)
        features = torch.cat([local, shared.mean(dim=0).expand_as(local)], dim=1)
        return predictor("out_conv")(features).log_softmax(dim=1)[:, 0]
