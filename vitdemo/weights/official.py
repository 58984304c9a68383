"""Checkpoints of DynamicViT's authors, pickles of tensors (`.pth`), as folders in vitdemo's format."""

from __future__ import annotations

import argparse
import math
import os
import pickle
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vitdemo.config import DataConfig, PruneConfig, ViTConfig, simplify_size
from vitdemo.datasets import IMAGENET_MEAN, IMAGENET_STD, list_imagenet_classes
from vitdemo.files import replace_folder
from vitdemo.models import build_model
from vitdemo.weights.records import WeightsError, unwrap
from vitdemo.weights.store import check_tensors, save_model, to_floats
from vitdemo.weights.transformers import ratio_of

HEAD_WIDTH = 64  # of every network of theirs, which the tensors do not tell
PLACES = ("model", "state_dict")  # of the tensors, in what training saves
CROP_PCT = 224 / 256


def convert_official(checkpoint: Path, folder: Path, *, keep_ratio: float) -> None:
    """Write the network in `checkpoint` to the new `folder`, whole or not at all.

    `keep_ratio`: with which it was trained, which the tensors do not tell. Raise WeightsError naming what is
    wrong with `checkpoint`, or a `folder` that is there; OSError where it cannot be written.
    """
    if os.path.lexists(folder):  # a link to nothing, too
        raise WeightsError(f"{folder} is there already; name a new folder")
    name = checkpoint.name
    tensors = read_checkpoint(checkpoint)
    try:
        config = describe_network(tensors, keep_ratio=keep_ratio)
    except ValueError as error:
        raise WeightsError(f"{name}: {error}") from error
    with torch.device("meta"):
        model = build_model(config)
    check_tensors(tensors, model.state_dict(), where=name)
    model.load_state_dict(
        {key: to_floats(key, tensor, where=name) for key, tensor in tensors.items()}, assign=True
    )
    known = config.num_classes == len(list_imagenet_classes())
    classes = list_imagenet_classes() if known else [f"class {index}" for index in range(config.num_classes)]
    data = DataConfig(
        "imagenet" if known else "", config.img_size, IMAGENET_MEAN, IMAGENET_STD, "bicubic", CROP_PCT
    )
    with replace_folder(folder) as part:
        save_model(part, model=model, name=checkpoint.stem, data=data, classes=classes)


def read_checkpoint(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors in `path` by name. Raise WeightsError for code in it, and for anything else.

    The options that training saves beside them are plain values.
    """
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a newer pickle, which is told below if it is not understood
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read ({error.strerror})") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path.name} holds something else than tensors, which could be code, so it is not opened"
        ) from error
    except Exception as error:  # of a damaged file anything may come
        raise WeightsError(f"{path.name} is no checkpoint of PyTorch, or is damaged") from error
    for place in PLACES:
        if isinstance(found, dict) and place in found:
            found = found[place]
    if not is_named(found):
        raise WeightsError(f"{path.name} holds no tensors by name")
    for key, tensor in found.items():
        if tensor.is_meta or tensor.layout != torch.strided:
            raise WeightsError(f"{path.name}: {key} is sparse, or has a shape and no numbers")
    return unwrap(found)


def is_named(found: Any) -> bool:
    """Return whether `found` is tensors by name."""
    return (
        isinstance(found, dict)
        and bool(found)
        and all(isinstance(key, str) and isinstance(value, Tensor) for key, value in found.items())
    )


def describe_network(tensors: Mapping[str, Tensor], *, keep_ratio: float) -> ViTConfig:
    """Return the network that has `tensors`. Raise ValueError naming one that tells of another."""
    stages, depth = count_parts(tensors, "score_predictor"), count_parts(tensors, "blocks")
    if not stages:
        raise ValueError("there is no score_predictor, so it is no DynamicViT")
    classes, width = read_shape(tensors, "head.weight", axes=2)
    _, places, _ = read_shape(tensors, "pos_embed", axes=3)
    _, channels, *patch_size = read_shape(tensors, "patch_embed.proj.weight", axes=4)
    hidden, _ = read_shape(tensors, "blocks.0.mlp.fc1.weight", axes=2)
    side = math.isqrt(max(places - 1, 0))
    if side * side != places - 1:
        raise ValueError(f"pos_embed has {places - 1} patches, not a square")
    dense = ViTConfig(
        img_size=simplify_size([side * edge for edge in patch_size]),
        patch_size=simplify_size(patch_size),
        in_chans=channels,
        num_classes=classes,
        embed_dim=width,
        depth=depth,
        num_heads=width // HEAD_WIDTH,
        mlp_ratio=ratio_of(hidden, width),
        qkv_bias="blocks.0.attn.qkv.bias" in tensors,
    )
    if stages != len(dense.prune_loc):
        wanted = " and ".join(map(str, dense.prune_loc))
        raise ValueError(f"it has {stages} predictors, not one before each of the blocks {wanted}")
    return replace(dense, prune=PruneConfig(dense.prune_loc, keep_ratio))


def count_parts(tensors: Mapping[str, Tensor], group: str) -> int:
    """Return how many numbered parts of `group` there are."""
    return len({key.split(".")[1] for key in tensors if key.startswith(f"{group}.")})


def read_shape(tensors: Mapping[str, Tensor], key: str, *, axes: int) -> list[int]:
    """Return the shape of the tensor `key`. Raise ValueError where none of so many `axes` has numbers."""
    if key not in tensors:
        raise ValueError(f"{key} is missing")
    shape = tensors[key].shape
    if len(shape) != axes:
        raise ValueError(f"{key} has {len(shape)} axes, not {axes}")
    if 0 in shape:
        raise ValueError(f"{key} is empty")
    return list(shape)
