"""Load, for a recipe or a checkpoint, the splits that it is trained or judged on."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import get_args

import torch

from train.config import TrainConfig
from train.data import Resident
from train.folder import FolderSplit, decode_all
from vitdemo.config import DataConfig, as_pair
from vitdemo.datasets import DATASETS, TENTH, DatasetSpec, Images, Photos, Split
from vitdemo.weights import LoadedModel

AnySplit = Resident | FolderSplit
RESIDENT_BYTES = 4 * 2**30  # a split to be judged that is smaller is decoded once for all passes


def find_dataset(key: str) -> DatasetSpec:
    """Return the data set of that name. Raise ValueError naming the known ones."""
    if key not in DATASETS:
        raise ValueError(f"data.dataset {key!r} is unknown; known: {', '.join(DATASETS)}")
    return DATASETS[key]


def load_splits(config: TrainConfig, device: torch.device, *, most: int = 0) -> dict[str, AnySplit]:
    """Return the splits "train", "val" and "test" of the config's data set, for pictures of the model's size.

    `most`: how many pictures of each, at even distances; 0 = all. Raise ValueError for an unknown data set,
    another number of classes than `model.num_classes`, or fewer pictures than a batch, BadImage for a file
    that cannot be read, FileNotFoundError for one that is missing.
    """
    spec = find_dataset(config.data.dataset)
    found = {split: load_images(spec, Path(config.data.folder), split) for split in get_args(Split)}
    classes = list_classes(found["train"], spec)
    if len(classes) != config.model.num_classes:
        raise ValueError(
            f"model.num_classes is {config.model.num_classes}, but {spec.title} has {len(classes)} classes"
        )
    count_steps(config, len(found["train"]))
    data = replace(spec.data, img_size=config.model.img_size)
    splits: dict[str, AnySplit] = {}
    for split, images in found.items():
        if most:
            images = images.part(spread(len(images), most))
        if isinstance(images, Photos) and not config.data.resident:
            training = config if split == "train" else None
            splits[split] = FolderSplit(images, data=data, device=device, config=training)
        else:
            pictures, rest = keep_in_memory(images, split, data)
            splits[split] = Resident.of(pictures, data=rest, device=device, classes=classes)
    return splits


def count_steps(config: TrainConfig, pictures: int) -> int:
    """Return the steps of an epoch. Raise ValueError where not even one batch is full."""
    steps = pictures // config.batch_size
    if not steps:
        raise ValueError(f"batch_size={config.batch_size} is more than the training pictures there are")
    return steps


def load_split(
    loaded: LoadedModel, folder: Path, split: Split, *, limit: int = 0, device: torch.device | str = "cpu"
) -> AnySplit:
    """Return at most `limit` pictures (0: all), at even distances, of what `loaded` is judged on.

    They are shown by its own test-time transform. Raise ValueError where the pictures in `folder` have other
    classes, and as `load_splits` does.
    """
    data, device = loaded.spec.data, torch.device(device)
    images = load_images(find_dataset(data.dataset), folder, split)
    if limit:
        images = images.part(spread(len(images), limit))
    if isinstance(images, Photos):
        if images.classes != loaded.classes:
            some = ", ".join(images.classes[:5])
            raise ValueError(f"{folder} holds pictures of other classes than the model's, such as {some}")
        if 3 * len(images) * math.prod(as_pair(data.img_size)) > RESIDENT_BYTES:
            return FolderSplit(images, data=data, device=device)
    pictures, rest = keep_in_memory(images, "test", data)
    return Resident.of(pictures, data=rest, device=device, classes=loaded.classes)


def spread(count: int, limit: int) -> slice:
    """Return the rows of at most `limit` of `count`, at even distances: folders stand class by class."""
    return slice(None, None, -(-count // limit))


def load_images(spec: DatasetSpec, folder: Path, split: Split) -> Images | Photos:
    """Return the pictures of a split. Raise ValueError where there are none, and as `spec.load` does."""
    images = spec.load(folder, split)
    if not len(images):
        raise ValueError(
            f"data.folder: {spec.title} in {folder} has no picture for the split {split!r}; "
            f"where no folder val is, one training picture in {TENTH} is held out"
        )
    return images


def list_classes(images: Images | Photos, spec: DatasetSpec) -> tuple[str, ...]:
    """Return the class names, from the files where only they know them."""
    return images.classes if isinstance(images, Photos) else spec.classes


def keep_in_memory(images: Images | Photos, split: Split, data: DataConfig) -> tuple[Images, DataConfig]:
    """Return the pictures decoded, and what of the test-time transform is left to do."""
    if isinstance(images, Images):
        return images, data
    decoded = decode_all(images, data=data, split=split)
    return decoded, data if split == "train" else replace(data, crop_pct=1.0)
