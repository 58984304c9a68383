"""Random test images, from data sets made here."""

from __future__ import annotations

import pickle
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitdemo.datasets import CIFAR10_CLASSES, IMAGENETTE
from vitdemo.engine.samples import has_samples, random_sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures: number i is class 9 - i, red = i, green = 100 + i at the top left pixel only."""
    data = np.zeros((10, 3072), np.uint8)
    data[:, :1024] = np.arange(10)[:, None]
    data[:, 1024] = 100 + np.arange(10)
    (tmp_path / "cifar-10-batches-py").mkdir()
    with (tmp_path / "cifar-10-batches-py" / "test_batch").open("wb") as file:
        pickle.dump({b"data": data, b"labels": list(range(9, -1, -1))}, file)
    return tmp_path


def test_a_sample_is_a_picture_with_its_own_class(folder: Path) -> None:
    for _ in range(5):
        sample = random_sample(folder, dataset="CIFAR-10")
        assert sample.picture.size == (32, 32)
        assert sample.picture.getpixel((0, 0)) == (sample.index, 100 + sample.index, 0)
        assert sample.picture.getpixel((31, 31)) == (sample.index, 0, 0)
        assert sample.label == CIFAR10_CLASSES[9 - sample.index]


def test_a_sample_is_of_what_the_model_knows_where_that_is_there(folder: Path) -> None:
    assert random_sample(folder, dataset="Imagenette").dataset == "CIFAR-10"
    photos = folder / "both"
    shutil.copytree(folder / "cifar-10-batches-py", photos / "cifar-10-batches-py")
    for split, (number, wnid) in product(("train", "val"), enumerate(IMAGENETTE)):
        home = photos / "imagenette" / split / wnid
        home.mkdir(parents=True)
        Image.new("RGB", (number + 1, 99 if split == "train" else 7)).save(home / "one.jpg")
    sample = random_sample(photos, dataset="Imagenette")
    width, height = sample.picture.size
    assert (sample.dataset, height) == ("Imagenette", 7)
    assert sample.label == list(IMAGENETTE.values())[width - 1]
    assert random_sample(photos, dataset="CIFAR-10").dataset == "CIFAR-10"


def test_without_data_there_is_no_button_and_a_clear_error(tmp_path: Path, folder: Path) -> None:
    assert has_samples(folder)
    assert not has_samples(None)
    assert not has_samples(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"^data: "):
        random_sample(None, dataset="CIFAR-10")
