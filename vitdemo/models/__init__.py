"""The networks: a standard ViT, DynamicViT with learned token pruning, and the Lightweight (linear) ViT."""

from vitdemo.config import ViTConfig
from vitdemo.models.dynamic_vit import DynamicViT
from vitdemo.models.vit import VisionTransformer

__all__ = ["DynamicViT", "VisionTransformer", "build_model"]


def build_model(config: ViTConfig) -> VisionTransformer:
    """Return the network that `config` describes, randomly initialised: DynamicViT where `prune` is set."""
    return DynamicViT(config) if config.prune is not None else VisionTransformer(config)
