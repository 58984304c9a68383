"""Small models with random weights, written in the formats that can be read."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from tests.weights.hub import make_probe
from vitdemo.config import DataConfig, PruneConfig, ViTConfig
from vitdemo.models import VisionTransformer, build_model
from vitdemo.weights import save_model

# Not by name: its types are those of ten thousand classes, which the type checker would all look up.
transformers: Any = import_module("transformers")
CONFIG = ViTConfig(
    img_size=16, patch_size=4, num_classes=3, embed_dim=64, depth=2, num_heads=4, prune=PruneConfig((1,))
)
CLASSES = ("a", "b", "c")
DATA = DataConfig(img_size=16, mean=(0.1, 0.2, 0.3))


def scatter(model: Any) -> Any:
    """Return `model` in eval mode with no parameter left at a special value such as 0 or 1."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def write_tensors(folder: Path, tensors: dict[str, torch.Tensor], *, told: bool = True) -> None:
    """Replace the weights of a folder in vitdemo's format.

    Replace the checksum that its config tells too, if `told`.
    """
    save_file(tensors, folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    if told:
        config["sha256"] = sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


def write_own(folder: Path, *, half: bool = False, **other: Any) -> VisionTransformer:
    """Write the small network; `other`: what is another in its config."""
    config = replace(CONFIG, **other)
    model, data = scatter(build_model(config)), replace(DATA, img_size=config.img_size)
    save_model(folder, model=model, name="mine", data=data, classes=CLASSES, half=half)
    return model


@torch.no_grad()
def compute_logits(model: nn.Module, size: int | tuple[int, int]) -> torch.Tensor:
    out = model(make_probe(size))
    return getattr(out, "logits", out)


def write_transformers(folder: Path, *, hub_names: bool) -> nn.Module:
    config = transformers.ViTConfig(
        hidden_size=48, num_hidden_layers=2, num_attention_heads=3, intermediate_size=80, image_size=32,
        patch_size=8, layer_norm_eps=1e-2, id2label={0: "ant", 1: "bee", 2: "cat"},
    )  # fmt: skip
    model = scatter(transformers.ViTForImageClassification(config))
    model.save_pretrained(folder, save_original_format=hub_names)
    processor = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "resample": 3, "do_center_crop": True}
    processor |= {"size": {"height": 40, "width": 40}, "crop_size": {"height": 32, "width": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return model
