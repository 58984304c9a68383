"""What the head reads of the last block's tokens."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vitdemo.config import ViTConfig
from vitdemo.models.attention import Heads, Tokens, divisor
from vitdemo.models.layers import Mlp
from vitdemo.models.norms import make_norm


class AttentionPool(nn.Module):
    """Multi-head attention of one learned query to the patches, and an MLP (Zhai et al. 2022, SigLIP).

    Parameters are named as in timm.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        dim = config.embed_dim
        self.num_heads = config.num_heads
        self.latent = nn.Parameter(torch.zeros(1, 1, dim))
        self.q = nn.Linear(dim, dim)
        self.kv = nn.Linear(dim, 2 * dim)
        self.proj = nn.Linear(dim, dim)
        self.norm = make_norm(config)
        self.mlp = Mlp(config)

    def forward(self, patches: Tokens, policy: Float[Tensor, "b n"] | None = None) -> Float[Tensor, "b d"]:
        weights, values = self.attend(patches, policy)
        x = self.proj((weights @ values).transpose(1, 2).flatten(2))
        return (x + self.mlp(self.norm(x)))[:, 0]

    def attend(
        self, patches: Tokens, policy: Float[Tensor, "b n"] | None = None
    ) -> tuple[Float[Tensor, "b h 1 n"], Heads]:
        """Return each head's weights over the patches, and the values.

        `policy`: how often each counts, None = once.
        """
        b, n, _ = patches.shape
        q = self.q(self.latent).reshape(1, 1, self.num_heads, -1).transpose(1, 2)
        k, v = self.kv(patches).reshape(b, n, 2, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(dim=-1)
        if policy is not None:
            weights = weights * policy[:, None, None, :]
            weights = weights / divisor(weights.sum(dim=-1, keepdim=True))
        return weights, v


def mean_patch(patches: Tokens, policy: Float[Tensor, "b n"] | None = None) -> Float[Tensor, "b d"]:
    """Return the mean of the patches, each counted as often as `policy` says, None = once."""
    if policy is None:
        return patches.mean(dim=1)
    kept = policy.sum(dim=1, keepdim=True).clamp(min=0.5)  # a Gumbel draw may drop every patch
    return (patches * policy.unsqueeze(-1)).sum(dim=1) / kept
