"""The data sets: class names, statistics, and how their pictures are read from disk."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vitdemo.config import DataConfig

Split = Literal["train", "val", "test"]
VAL_IMAGES = 5000  # the last training images of CIFAR-10, held out for every choice


@dataclass(frozen=True)
class Images:
    """Pictures of one size in memory: `pixels` uint8 `(b, 3, hh, ww)`, `labels` int64 `(b,)`."""

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class DatasetSpec:
    """`load(folder, split)` reads a split; `data` is its test-time transform and statistics."""

    key: str
    title: str
    classes: tuple[str, ...]
    data: DataConfig
    load: Callable[[Path, Split], Images] | None = None


CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def load_cifar10(folder: Path, split: Split) -> Images:
    """CIFAR-10 (Krizhevsky 2009) from `folder/cifar-10-batches-py`.

    "train" is the first 45,000 training images, "val" the last 5,000, "test" the test batch.
    Raises FileNotFoundError saying how to get the files.
    """
    root = folder / "cifar-10-batches-py"
    names = ["test_batch"] if split == "test" else [f"data_batch_{i}" for i in range(1, 6)]
    batches = []
    for name in names:
        if not (root / name).is_file():
            raise FileNotFoundError(
                f"{root / name} is missing: unpack CIFAR-10 into {folder} first (see README)"
            )
        with (root / name).open("rb") as file:
            batches.append(pickle.load(file, encoding="bytes"))  # the data set's own published format
    pixels = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
    labels = np.concatenate([np.asarray(batch[b"labels"], dtype=np.int64) for batch in batches])
    if split != "test":
        part = slice(None, -VAL_IMAGES) if split == "train" else slice(-VAL_IMAGES, None)
        pixels, labels = pixels[part], labels[part]
    return Images(np.ascontiguousarray(pixels), labels)


def imagenet_classes() -> tuple[str, ...]:
    """The 1000 names of ImageNet-1k, in the usual order, as torchvision ships them."""
    from torchvision.models import ViT_B_16_Weights

    return tuple(ViT_B_16_Weights.IMAGENET1K_V1.meta["categories"])


IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DATASETS: dict[str, DatasetSpec] = {
    "cifar10": DatasetSpec("cifar10", "CIFAR-10", CIFAR10_CLASSES, DataConfig(), load_cifar10),
    "imagenet": DatasetSpec(
        "imagenet",
        "ImageNet-1k",
        imagenet_classes(),
        DataConfig("imagenet", 224, IMAGENET_MEAN, IMAGENET_STD, crop_pct=0.9),
    ),
}
