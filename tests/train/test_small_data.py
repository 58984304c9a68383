"""Data sets with hardly a picture: a share may be empty, a split may not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.train.conftest import run_twice
from tests.train.test_folder import TINY, load_config
from train.__main__ import main as train
from train.evaluate import count_hits, predict
from train.evaluate import main as evaluate
from train.splits import load_splits


def fill(folder: Path, **counts: int) -> None:
    """So many pictures a class of each split, in three classes."""
    random = np.random.default_rng(0)
    for split, count in counts.items():
        for index in range(count):
            home = folder / split / ("abc"[index % 3])
            home.mkdir(parents=True, exist_ok=True)
            pixels = random.integers(0, 256, size=(36, 36, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(home / f"{index}.png")


def test_an_empty_split_is_refused_before_anything_runs(tmp_path: Path) -> None:
    fill(tmp_path / "data", train=9, test=3)
    places = [f"data.folder={tmp_path / 'data'}", f"runs={tmp_path / 'runs'}"]
    words = ["--recipe", "cifar10_vit", *TINY, *places]
    message = (
        r"^error: data\.folder: a folder of pictures in \S+ has no picture for the split 'val'; .* 10 is held"
    )
    with pytest.raises(SystemExit, match=message):
        train([*words, "batch_size=3"])
    assert not (tmp_path / "runs").exists()
    fill(tmp_path / "data", train=10)
    train([*words, "batch_size=9", "max_steps=1", "epochs=1"])
    folder = tmp_path / "runs" / "vit_cifar10" / "export"
    (tmp_path / "data" / "train" / "a" / "9.png").unlink()
    with pytest.raises(SystemExit, match="'val'"):
        evaluate([str(folder), "--data", str(tmp_path / "data"), "--split", "val"])


@pytest.mark.parametrize("resident", ["true", "false"])
def test_of_no_pictures_none_is_named_rightly(resident: str, tree: Path) -> None:
    empty = load_splits(load_config(tree, f"data.resident={resident}"), torch.device("cpu"))["val"].part(
        slice(0, 0)
    )
    network = torch.nn.Linear(1, 1)
    assert count_hits(network, empty) == 0
    assert predict(network, empty).shape == (0,)


def test_two_processes_share_one_held_out_picture(tmp_path: Path) -> None:
    """The second has none of it; both agree on 0 or 1 of 1."""
    fill(tmp_path / "data", train=8, val=1, test=3)
    words = [
        *TINY,
        f"data.folder={tmp_path / 'data'}",
        f"runs={tmp_path}",
        "batch_size=4",
        "max_steps=1",
        "epochs=1",
    ]
    run_twice(["--recipe", "cifar10_vit", *words])
    metrics = json.loads((tmp_path / "vit_cifar10" / "export" / "metrics.json").read_text())
    assert metrics["history"][0]["val"] in (0.0, 100.0)
