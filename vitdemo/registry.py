"""The menu of models and the size presets: one entry a variant."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vitdemo.config import DataConfig, PruneConfig, ViTConfig
from vitdemo.datasets import IMAGENET_MEAN, IMAGENET_STD


@dataclass(frozen=True)
class ModelSpec:
    """A model that the demo offers. `source`: "bundled", or `hf-hub:owner/repo[@revision]`."""

    key: str
    title: str
    summary: str
    config: ViTConfig
    data: DataConfig
    source: str = "bundled"


def preset(dim: int, depth: int, heads: int, **rest: object) -> ViTConfig:
    return ViTConfig(embed_dim=dim, depth=depth, num_heads=heads, **rest)  # type: ignore[arg-type]


PRESETS: dict[str, ViTConfig] = {
    "tiny": preset(192, 12, 3),
    "small": preset(384, 12, 6),
    "base": preset(768, 12, 12),
    "large": preset(1024, 24, 16),
    "huge": preset(1280, 32, 16, patch_size=14),
    "compact": preset(512, 6, 8, img_size=32, patch_size=4, num_classes=10),
    "compact-mlp2": preset(512, 6, 8, img_size=32, patch_size=4, num_classes=10, mlp_ratio=2.0),
    "report": preset(768, 8, 12, num_classes=10, mlp_ratio=2048 / 768),
    "cifar-gpu": preset(192, 9, 3, img_size=32, patch_size=4, num_classes=10),
    "cifar-cpu": preset(
        160, 8, 5, img_size=32, patch_size=4, num_classes=10, mlp_ratio=2.0, global_pool="token_avg"
    ),
    "photo": preset(192, 12, 3, img_size=128, patch_size=8, num_classes=10),
}

CIFAR = PRESETS["cifar-cpu"]
PRUNED = PruneConfig(prune_loc=CIFAR.prune_loc)
DEIT_DATA = DataConfig("imagenet", 224, IMAGENET_MEAN, IMAGENET_STD, crop_pct=0.9)
AUGREG_DATA = DataConfig("imagenet", 224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), crop_pct=0.9)


def bundled(key: str, title: str, summary: str, config: ViTConfig) -> ModelSpec:
    return ModelSpec(key, title, summary, config, DataConfig())


def on_hub(key: str, title: str, repo: str, config: ViTConfig, data: DataConfig) -> ModelSpec:
    summary = f"ImageNet-1k weights, fetched from the Hugging Face Hub ({repo})."
    return ModelSpec(key, title, summary, config, data, f"hf-hub:{repo}")


MODELS: dict[str, ModelSpec] = {
    spec.key: spec
    for spec in (
        bundled(
            "dynamicvit_cifar10",
            "DynamicViT · CIFAR-10",
            "Learned predictors decide which patches go on; one network for every pruning ratio.",
            replace(CIFAR, prune=PRUNED),
        ),
        bundled("vit_cifar10", "Standard ViT · CIFAR-10", "The plain Vision Transformer.", CIFAR),
        bundled(
            "lightvit_cifar10",
            "Lightweight ViT · CIFAR-10",
            "Linear attention: cost grows with the number of tokens, not with its square.",
            replace(CIFAR, attention="linear"),
        ),
        on_hub(
            "deit_tiny",
            "DeiT-Tiny · ImageNet",
            "timm/deit_tiny_patch16_224.fb_in1k",
            PRESETS["tiny"],
            DEIT_DATA,
        ),
        on_hub(
            "deit_small",
            "DeiT-Small · ImageNet",
            "timm/deit_small_patch16_224.fb_in1k",
            PRESETS["small"],
            DEIT_DATA,
        ),
        on_hub(
            "vit_small_augreg",
            "ViT-Small AugReg · ImageNet",
            "timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
            PRESETS["small"],
            AUGREG_DATA,
        ),
        on_hub(
            "vit_base_augreg2",
            "ViT-Base AugReg2 · ImageNet",
            "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k",
            PRESETS["base"],
            AUGREG_DATA,
        ),
    )
}
DEFAULT_MODEL = "dynamicvit_cifar10"
