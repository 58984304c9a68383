"""A network of ours as a folder in timm's format, which `local-dir:FOLDER` names there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from vitdemo.config import ViTConfig, as_pair
from vitdemo.files import replace_file
from vitdemo.weights.reading import CONFIG, WEIGHTS
from vitdemo.weights.records import LoadedModel, WeightsError

PLAIN, DISTILLED = "vit_tiny_patch16_224", "deit_tiny_distilled_patch16_224"  # which the arguments change
SHARED = ("img_size", "patch_size", "in_chans", "embed_dim", "depth", "num_heads", "mlp_ratio", "qkv_bias")
OWN = ("class_token", "reg_tokens", "no_embed_class", "global_pool", "fc_norm")
APART = ("num_classes", "dist_token", "init_values", "prune", "feature_map", "multi_label")
APART += ("drop_rate", "drop_path_rate")  # of training alone
POOLS = ("token", "avg")


def save_timm(folder: Path, loaded: LoadedModel) -> None:
    """Write `loaded` to `folder` in timm's format, to 32 bits; learned predictors are left out.

    Raise WeightsError naming what timm has not, OSError naming a file that cannot be written.
    """
    config, data = loaded.spec.config, loaded.spec.data
    check_known(config)
    names = (*SHARED, *(() if config.dist_token else OWN))
    args = {
        name: value
        for name, value in dataclasses.asdict(config).items()
        if name in names and value is not None
    }
    args["img_size"] = size = data.crop_size or config.img_size  # what no patch covers timm leaves out too
    if config.init_values is not None:
        args["init_values"] = config.init_values
    inputs: dict[str, Any] = {
        "input_size": [config.in_chans, *as_pair(size)],
        "fixed_input_size": True,
        "num_classes": config.num_classes,
        "mean": data.mean,
        "std": data.std,
        "interpolation": data.interpolation,
        "crop_pct": data.crop_pct,
        "crop_mode": data.crop_mode,
        "first_conv": "patch_embed.proj",
        "classifier": ["head", "head_dist"] if config.dist_token else "head",
    }
    described = {
        "architecture": DISTILLED if config.dist_token else PLAIN,
        "num_classes": config.num_classes,
        "num_features": config.num_features,
        "global_pool": config.global_pool,
        "label_names": list(loaded.classes),
        "model_args": args,
        "pretrained_cfg": inputs,
    }
    tensors = {
        name: weight.detach().float().cpu().contiguous()
        for name, weight in loaded.model.state_dict().items()
        if not name.startswith("score_predictor.")
    }
    with replace_file(folder / CONFIG) as text, replace_file(folder / WEIGHTS) as weights:
        save_file(tensors, weights, metadata={"format": "pt"})
        text.write_text(json.dumps(described, indent=1, ensure_ascii=False), encoding="utf-8")


def check_known(config: ViTConfig) -> None:
    """Raise WeightsError naming the first thing that is not written for timm."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name not in (*SHARED, *OWN, *APART) and value != field.default:
            raise WeightsError(f"{field.name} {value} cannot be written for timm, only {field.default}")
    if config.global_pool not in POOLS:
        raise WeightsError(
            f"global_pool {config.global_pool} cannot be written for timm, only {' or '.join(POOLS)}"
        )
