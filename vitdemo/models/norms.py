"""The normalisation that a config names."""

from __future__ import annotations

from torch import nn

from vitdemo.config import ViTConfig


def make_norm(config: ViTConfig, width: int | None = None) -> nn.Module:
    """Return a normalisation over the last axis; `width` numbers, default: those of a token."""
    kind = nn.RMSNorm if config.norm_layer == "rmsnorm" else nn.LayerNorm
    return kind(width or config.embed_dim, eps=config.norm_eps)
