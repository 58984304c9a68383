"""Synthetic data sets, a tiny dense network trained on it, and overrides that make a recipe take seconds."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from matplotlib.figure import Figure
from PIL import Image

from tests.train.short import SHORT, train_short
from tests.train.uploads import TOKEN, Uploads
from tests.two import run_in_two
from train.__main__ import main as train
from vitdemo.datasets import DATASETS

ROOT = Path(__file__).parents[2]
CLASSES = ("apple tree", "bridge", "cat")  # of the tree
TRAIN_IMAGES, TEST_IMAGES = 1040, 100  # a batch file; five of them, less the 5,000 of the validation split


@pytest.fixture(scope="session", autouse=True)
def short_validation() -> Iterator[None]:
    """Validate the runs of this process in a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "cifar10", SHORT)
        yield


@pytest.fixture(autouse=True)
def loose_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arranging the parts of a run's figures takes as long as drawing them."""
    monkeypatch.setattr(Figure, "set_layout_engine", lambda *_, **__: None)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in CIFAR-10's own file format, each class a colour that is learned in seconds."""
    folder = tmp_path_factory.mktemp("data")
    root = folder / "cifar-10-batches-py"
    root.mkdir()
    random = np.random.default_rng(0)
    colours = random.integers(0, 256, size=(10, 3))
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        count = TEST_IMAGES if name == "test_batch" else TRAIN_IMAGES
        labels = random.integers(0, 10, size=count)
        noise = random.normal(0, 20, size=(count, 3, 32, 32))
        pixels = (colours[labels][:, :, None, None] + noise).clip(0, 255).astype(np.uint8)
        batch = {b"data": pixels.reshape(count, -1), b"labels": labels.tolist()}
        (root / name).write_bytes(pickle.dumps(batch))
    return folder


def list_overrides(data: Path, folder: Path) -> list[str]:
    """Return `key=value` words that make any CIFAR-10 recipe tiny, reading `data`, writing in `folder`."""
    tiny = ["model.embed_dim=32", "model.depth=4", "model.num_heads=2", "batch_size=40", "precision=fp32"]
    return [
        f"data.folder={data}",
        f"runs={folder / 'runs'}",
        "device=cpu",
        "distil.teacher=",
        *tiny,
    ]


@pytest.fixture
def tiny(data: Path, tmp_path: Path) -> list[str]:
    return list_overrides(data, tmp_path)


@pytest.fixture(scope="session")
def dense(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a dense network trained by the recipe for 30 steps."""
    folder = tmp_path_factory.mktemp("dense")
    train(
        [
            "--recipe",
            "cifar10_vit",
            "epochs=6",
            "max_steps=30",
            "optim.ema=0.5",
            *list_overrides(data, folder),
        ]
    )
    return folder / "runs" / "vit_cifar10" / "export"


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 training pictures and 12 others, of many shapes, each class a colour."""
    root, random = tmp_path_factory.mktemp("tree"), np.random.default_rng(0)
    for split, count in (("train", 10), ("val", 4)):
        for number, name in enumerate(CLASSES):
            (root / split / name).mkdir(parents=True)
            for index in range(count):
                colour = np.eye(3)[number] * 150 + random.integers(0, 100, size=(1, 1, 3))
                size = (40, 40) if index == 0 else tuple(random.integers(33, 60, size=2))
                noise = random.normal(0, 25, size=(*size, 3)) + np.linspace(-40, 40, size[1])[:, None]
                picture = (colour + noise).clip(0, 255).astype(np.uint8)
                Image.fromarray(picture).save(root / split / name / f"{index:02}.png")
    return root


def run_twice(arguments: list[str]) -> str:
    """Return what `python -m train` prints in two processes that train together, this one and another."""
    return run_in_two(lambda: train(arguments), train_short, arguments)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Uploads]:
    """The imitation, to which this process's client is turned, without Xet and with a cache of its own."""
    server = Uploads(tmp_path / "hub")
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield server
    server.stop()
