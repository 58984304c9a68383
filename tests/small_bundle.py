"""A models folder with networks of 16 patches under the registry's keys, for tests that run them often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.models.nets import make_small
from vitdemo.config import PruneConfig
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.registry import MODELS
from vitdemo.weights import save_model

SMALL_KEYS: dict[str, dict[str, Any]] = {
    "dynamicvit_cifar10": {"prune": PruneConfig((1, 2, 3)), "global_pool": "token_avg"},
    "vit_cifar10": {},
}


def write_small_models(folder: Path) -> Path:
    """Write a DynamicViT and a plain network, shaken."""
    for key, changes in SMALL_KEYS.items():
        model = make_small(img_size=32, patch_size=8, num_classes=10, **changes)
        save_model(folder / key, model=model, name=key, data=MODELS[key].data, classes=CIFAR10_CLASSES)
    return folder
