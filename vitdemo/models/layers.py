"""The parts of a pre-norm Transformer block, under timm's parameter names."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vitdemo.config import ViTConfig, as_pair
from vitdemo.models.attention import Attention, Tokens
from vitdemo.trace import Recorder


class PatchEmbed(nn.Module):
    """Cuts a picture into patches and projects each linearly: `(b, ch, hh, ww)` -> `(b, gh * gw, d)`."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        patch = as_pair(config.patch_size)
        self.img_size = as_pair(config.img_size)
        self.proj = nn.Conv2d(config.in_chans, config.embed_dim, kernel_size=patch, stride=patch)

    def forward(self, x: Float[Tensor, "b ch hh ww"]) -> Tokens:
        if x.shape[-2:] != self.img_size:
            raise ValueError(f"the model takes pictures of {self.img_size}, got {tuple(x.shape[-2:])}")
        return self.proj(x).flatten(2).transpose(1, 2)


class LayerScale(nn.Module):
    """A learned factor for each channel of a residual branch (Touvron et al. 2021, eq. 2)."""

    def __init__(self, dim: int, init_values: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), float(init_values)))

    def forward(self, x: Tokens) -> Tokens:
        return x * self.gamma


class Mlp(nn.Module):
    """Two linear layers with a GELU between them, token by token."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        hidden = int(config.embed_dim * config.mlp_ratio)
        self.fc1 = nn.Linear(config.embed_dim, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, config.embed_dim)
        self.drop = nn.Dropout(config.drop_rate)

    def forward(self, x: Tokens) -> Tokens:
        return self.drop(self.fc2(self.drop(self.act(self.fc1(x)))))


class Block(nn.Module):
    """Pre-norm attention and MLP with residuals, LayerScale and stochastic depth.

    `drop_path` is the probability with which a training sample skips each branch (Huang et al. 2016).
    """

    def __init__(self, config: ViTConfig, *, drop_path: float) -> None:
        super().__init__()
        dim, scale = config.embed_dim, config.init_values
        self.norm1 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.attn = Attention(config)
        self.ls1 = LayerScale(dim, scale) if scale is not None else nn.Identity()
        self.norm2 = nn.LayerNorm(dim, eps=config.norm_eps)
        self.mlp = Mlp(config)
        self.ls2 = LayerScale(dim, scale) if scale is not None else nn.Identity()
        self.drop_path = stochastic_depth(drop_path)

    def forward(
        self, x: Tokens, *, policy: Float[Tensor, "b n"] | None = None, recorder: Recorder | None = None
    ) -> Tokens:
        if recorder is not None:
            recorder.entered = x
        branch = self.ls1(self.attn(self.norm1(x), policy=policy, recorder=recorder))
        x = x + self.drop_path(branch)
        branch = self.ls2(self.mlp(self.norm2(x)))
        return x + self.drop_path(branch)


def stochastic_depth(probability: float) -> nn.Module:
    """Leave out a branch for whole samples in training (Huang et al. 2016, section 3); rows are samples."""
    if not probability:
        return nn.Identity()
    from torchvision.ops import StochasticDepth  # takes as long to load as torch, and only training needs it

    return StochasticDepth(probability, "row")
