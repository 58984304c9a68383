"""The parts of a pre-norm Transformer block, under timm's parameter names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vitdemo.config import ViTConfig, as_pair
from vitdemo.models.attention import Angles, Attention, Sizes, Tokens
from vitdemo.models.local import Ids
from vitdemo.models.norms import make_norm
from vitdemo.trace import Recorder


class PatchEmbed(nn.Module):
    """Cuts a picture into patches and projects each linearly: `(b, ch, hh, ww)` -> `(b, gh * gw, d)`."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        patch = as_pair(config.patch_size)
        self.img_size = as_pair(config.img_size)
        bias = not config.pre_norm  # the norm that follows takes it away
        self.proj = nn.Conv2d(config.in_chans, config.embed_dim, kernel_size=patch, stride=patch, bias=bias)
        self.norm = make_norm(config) if config.embed_norm else nn.Identity()

    def forward(self, x: Float[Tensor, "b ch hh ww"]) -> Tokens:
        if x.shape[-2:] != self.img_size:
            raise ValueError(f"the model takes pictures of {self.img_size}, got {tuple(x.shape[-2:])}")
        return self.norm(self.proj(x).flatten(2).transpose(1, 2))


class LayerScale(nn.Module):
    """A learned factor for each channel of a residual branch (Touvron et al. 2021, eq. 2)."""

    def __init__(self, dim: int, init_values: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((dim,), float(init_values)))

    def forward(self, x: Tokens) -> Tokens:
        return x * self.gamma


class QuickGELU(nn.Module):
    """The approximation of GELU that OpenAI trained CLIP with."""

    def forward(self, x: Tokens) -> Tokens:
        return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "gelu_tanh": partial(nn.GELU, approximate="tanh"),
    "quick_gelu": QuickGELU,
    "silu": nn.SiLU,
}


class Mlp(nn.Module):
    """Two linear layers with an activation between them, token by token.

    With gates (Shazeer 2020) the first layer is twice as wide: the activation of its first half scales its
    second half.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        hidden, bias = config.hidden_width, config.proj_bias
        self.gated = config.gated_mlp
        self.fc1 = nn.Linear(config.embed_dim, 2 * hidden if self.gated else hidden, bias=bias)
        self.act = ACTIVATIONS[config.act_layer]()
        self.norm = make_norm(config, hidden) if config.scale_mlp_norm else nn.Identity()
        self.fc2 = nn.Linear(hidden, config.embed_dim, bias=bias)
        self.drop = nn.Dropout(config.drop_rate)

    def forward(self, x: Tokens) -> Tokens:
        x = self.fc1(x)
        if self.gated:
            gates, values = x.chunk(2, dim=-1)
            x = self.act(gates) * values
        else:
            x = self.act(x)
        return self.drop(self.fc2(self.norm(self.drop(x))))


class Block(nn.Module):
    """Pre-norm attention and MLP with residuals, LayerScale and stochastic depth.

    `drop_path` is the probability with which a training sample skips each branch (Huang et al. 2016).
    """

    def __init__(self, config: ViTConfig, *, drop_path: float) -> None:
        super().__init__()
        dim, scale = config.embed_dim, config.init_values
        self.norm1 = make_norm(config)
        self.attn = Attention(config)
        self.ls1 = LayerScale(dim, scale) if scale is not None else nn.Identity()
        self.norm2 = make_norm(config)
        self.mlp = Mlp(config)
        self.ls2 = LayerScale(dim, scale) if scale is not None else nn.Identity()
        self.drop_path = stochastic_depth(drop_path)

    def forward(
        self,
        x: Tokens,
        *,
        recorder: Recorder | None = None,
        policy: Float[Tensor, "b n"] | None = None,
        angles: Angles | None = None,
        sizes: Sizes | None = None,
        ids: Ids | None = None,
    ) -> Tokens:
        if recorder is not None and recorder.grads:
            recorder.entered.append(x)
        told = {"policy": policy, "angles": angles, "sizes": sizes, "ids": ids, "recorder": recorder}
        branch = self.ls1(self.attn(self.norm1(x), **told))
        x = x + self.drop_path(branch)
        branch = self.ls2(self.mlp(self.norm2(x)))
        return x + self.drop_path(branch)


def stochastic_depth(probability: float) -> nn.Module:
    """Leave out a branch for whole samples in training (Huang et al. 2016, section 3); rows are samples."""
    if not probability:
        return nn.Identity()
    from torchvision.ops import StochasticDepth  # takes as long to load as torch, and only training needs it

    return StochasticDepth(probability, "row")


def init_weights(module: nn.Module) -> None:
    """Initialise a layer as DeiT does: truncated normal 0.02 for linear layers, zero biases."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
