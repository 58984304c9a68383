"""A small network that a program asks, the engine over the same folder, and folders of pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

import vitdemo
from tests.engine.bundle import draw_picture
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine
from vitdemo.library import folder as folders

FILES = ("c.png", "d.webp", "a/1.png", "a/2.jpg", "a/3.png", "b/1.png", "b/broken.jpg")
NAMES = ("a.bmp", "b.bmp", "c.bmp", "d.bmp")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def network(models: Path) -> vitdemo.Network:
    return vitdemo.load("dynamicvit_cifar10", models_dir=models, device="cpu")


@pytest.fixture(scope="session")
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("photos")
    for seed, name in enumerate(FILES):
        path = home / name
        path.parent.mkdir(exist_ok=True)
        draw_picture(seed).save(path)
    (home / "b" / "broken.jpg").write_bytes(b"no picture")
    (home / "notes.txt").write_text("no picture either")
    return home


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "BATCH", 2)


def draw_folder(home: Path, names: Sequence[str | bytes], *, seed: int = 0) -> Path:
    """Fill a folder with pictures that differ, whose files have the same sizes and times."""
    home.mkdir(exist_ok=True)
    for place, name in enumerate(names):
        path = home / os.fsdecode(name)
        draw_picture(seed + place).save(path, format="BMP")
        os.utime(path, (1, 1))
    return home
