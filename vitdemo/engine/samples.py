"""Random pictures of a test split, from the data sets that lie on this machine."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image

from vitdemo.datasets import DATASETS, Images, Photos
from vitdemo.decode import decode
from vitdemo.message import Message


@dataclass(frozen=True)
class Sample:
    """Picture number `index` of the test split of `dataset`, a title, and its true class."""

    picture: Image.Image
    dataset: str
    index: int
    label: str


def has_samples(folder: Path | None) -> bool:
    """Return whether the test split of any data set can be read from `folder`."""
    return folder is not None and any(load_test_split(folder, key) for key in DATASETS)


def random_sample(folder: Path | None, *, dataset: str) -> Sample:
    """Return any picture of the test split of the data set titled `dataset`, or of the first that is there.

    Raise ValueError where none is.
    """
    if folder is not None:
        for key in sorted(DATASETS, key=lambda key: DATASETS[key].title != dataset):
            if split := load_test_split(folder, key):
                return pick_sample(split, key)
    raise ValueError(Message("data: no folder with a data set was given."))


def pick_sample(split: Images | Photos, key: str) -> Sample:
    index, spec = random.randrange(len(split)), DATASETS[key]
    if isinstance(split, Photos):
        picture, classes = decode(split.paths[index]), split.classes
    else:
        picture, classes = Image.fromarray(split.pixels[index].transpose(1, 2, 0)), spec.classes
    return Sample(picture, spec.title, index, classes[split.labels[index]])


@lru_cache(maxsize=len(DATASETS))
def load_test_split(folder: Path, key: str) -> Images | Photos | None:
    """Return the split, None where it is not in `folder`. Look once, then keep it (CIFAR: 31 MB)."""
    try:
        return DATASETS[key].load(folder, "test")
    except (OSError, ValueError):
        return None
