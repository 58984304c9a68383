"""Random test images, from a CIFAR-10 folder made here."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.ui.samples import has_test_split, random_sample


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
        sample = random_sample(folder)
        assert sample.picture.size == (32, 32)
        assert sample.picture.getpixel((0, 0)) == (sample.index, 100 + sample.index, 0)
        assert sample.picture.getpixel((31, 31)) == (sample.index, 0, 0)
        assert sample.label == CIFAR10_CLASSES[9 - sample.index]


def test_without_data_there_is_no_button_and_a_clear_error(tmp_path: Path, folder: Path) -> None:
    assert has_test_split(folder)
    assert not has_test_split(None)
    assert not has_test_split(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"^data: "):
        random_sample(None)
