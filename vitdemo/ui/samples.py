"""Random pictures of CIFAR-10's test split, when the data lies on this machine."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from vitdemo.datasets import DATASETS, Images, load_cifar10


@dataclass(frozen=True)
class Sample:
    """Picture number `index` of the test split, 32 x 32 px, and its true class."""

    picture: Image.Image
    index: int
    label: str


def has_test_split(folder: Path | None) -> bool:
    """Whether CIFAR-10's test split can be read from `folder`."""
    return folder is not None and (folder / "cifar-10-batches-py" / "test_batch").is_file()


def random_sample(folder: Path | None) -> Sample:
    """Any picture of the test split. Raises ValueError without a folder."""
    if folder is None:
        raise ValueError("data: no folder with CIFAR-10 was given.")
    images = test_split(folder)
    index = random.randrange(len(images))
    picture = Image.fromarray(images.pixels[index].transpose(1, 2, 0))
    return Sample(picture, index, DATASETS["cifar10"].classes[images.labels[index]])


@lru_cache(maxsize=1)
def test_split(folder: Path) -> Images:
    """Read at the first request, then kept: 31 MB."""
    return load_cifar10(folder, "test")
