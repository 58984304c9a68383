"""Small networks behind a served page, and the same ones by hand."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from tests.models.nets import make_small
from tests.small_bundle import write_small_models
from vitdemo.data import preprocess
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.decode import decode
from vitdemo.examples import example_paths
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import add_relevance, record
from vitdemo.registry import MODELS
from vitdemo.trace import Trace
from vitdemo.weights import load_model, save_model

PICTURE = example_paths()["ship"]
DYNAMIC, PLAIN, LINEAR = "dynamicvit_cifar10", "vit_cifar10", "lightvit_cifar10"


def write_models(folder: Path) -> Path:
    """Write a DynamicViT, a plain network, and a linear one with two register tokens; 16 patches each."""
    write_small_models(folder)
    model = make_small(img_size=32, patch_size=8, num_classes=10, attention="linear", reg_tokens=2)
    save_model(folder / LINEAR, model=model, name=LINEAR, data=MODELS[LINEAR].data, classes=CIFAR10_CLASSES)
    return folder


def load_by_hand(models: Path, key: str) -> tuple[VisionTransformer, Tensor]:
    """Return the network, and what it is given of the picture."""
    loaded = load_model(key, models_dir=models)
    return loaded.model, preprocess(decode(PICTURE), config=loaded.spec.data).pixels


def prune_by_hand(model: VisionTransformer, pixels: Tensor, ratio: float, selector: str) -> Pruning | None:
    if not ratio:
        return None
    return Pruning(make_selector(selector, model=model, pixels=pixels), FixedRatio(round(1 - ratio, 4)))


def record_by_hand(
    models: Path, key: str, ratio: float, selector: str = "", *, target: int | tuple[int, int] | None = None
) -> Trace:
    """The pass with `ratio` pruned by `selector`, with the gradients of class `target` if one is given."""
    model, pixels = load_by_hand(models, key)
    pruning = prune_by_hand(model, pixels, ratio, selector)
    trace = record(model, pixels, pruning=pruning, target=target, grads=target is not None)
    return trace if target is None else add_relevance(trace, model, pixels)
