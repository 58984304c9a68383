"""A models folder with random weights under the registry's keys, and pictures to analyse."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vitdemo.data import preprocess
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.models import VisionTransformer, build_model
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.registry import MODELS
from vitdemo.trace import Trace
from vitdemo.weights import LoadedModel, load_model, save_model

KEYS = ("dynamicvit_cifar10", "vit_cifar10", "lightvit_cifar10")
LAB_MODEL = KEYS[0]  # the one that the laboratory's tests prune
Net = tuple[VisionTransformer, Tensor]


def write_models(folder: Path) -> Path:
    """Write every bundled model, with weights so large that heads, patches and classes really differ."""
    for seed, key in enumerate(KEYS):
        torch.manual_seed(seed)
        model = build_model(MODELS[key].config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "patch_embed" not in name and weight.ndim > 1:
                    weight.mul_(4)
        save_model(folder / key, model=model, name=key, data=MODELS[key].data, classes=CIFAR10_CLASSES)
    return folder


def draw_picture(seed: int = 0, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Return coarse coloured noise, so that resizing leaves something; `size` is (width, height)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR)


@cache
def load_once(models: Path, key: str) -> LoadedModel:
    """Return a network of `write_models`, which no test changes."""
    return load_model(key, models_dir=models)


def load_directly(models: Path, key: str, image: Image.Image) -> Net:
    """Return the network and its input, without the engine."""
    model = load_once(models, key).model
    return model, preprocess(image, config=MODELS[key].data).pixels


def record_traces(
    models: Path, key: str, image: Image.Image, *, keep_ratio: float, selector: str
) -> tuple[Trace, Trace]:
    """Return (dense, pruned), without the engine."""
    model, pixels = load_directly(models, key, image)
    chosen = make_selector(selector, model=model, pixels=pixels)
    pruning = Pruning(chosen, FixedRatio(keep_ratio))
    return record(model, pixels), record(model, pixels, pruning=pruning)
