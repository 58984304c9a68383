"""The mean of networks, against numpy over the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from tests.models.nets import make_small
from train.average import main
from vitdemo.config import DataConfig
from vitdemo.weights import load_model, save_model

CLASSES = ("ant", "bee", "cat")


def write(folder: Path, *, seed: int, classes: tuple[str, ...] = CLASSES, **changes: Any) -> str:
    """Write a small network with weights of its own."""
    torch.manual_seed(seed)
    model = make_small(num_classes=3, **changes)
    data = DataConfig(img_size=model.config.img_size)
    save_model(folder, model=model, name=folder.name, data=data, classes=classes)
    return str(folder)


def test_each_weight_is_the_mean(tmp_path: Path) -> None:
    folders = [write(tmp_path / name, seed=seed) for seed, name in enumerate("abc")]
    main([*folders, "--out", str(tmp_path / "mean")])
    stored = [load_file(Path(folder) / "model.safetensors") for folder in folders]
    found = load_file(tmp_path / "mean" / "model.safetensors")
    assert set(found) == set(stored[0])
    for name, value in found.items():
        np.testing.assert_allclose(value, np.mean([one[name] for one in stored], axis=0), atol=1e-7)
    assert any(not np.array_equal(found[name], stored[0][name]) for name in found)
    loaded, first = load_model(str(tmp_path / "mean")), load_model(folders[0])
    assert (loaded.classes, loaded.spec.data) == (CLASSES, first.spec.data)


@pytest.mark.parametrize(
    ("other", "message"),
    [({"depth": 1}, "of one shape"), ({"classes": ("ant", "bee", "dog")}, "of the same classes")],
)
def test_networks_that_do_not_belong_together_are_refused(
    other: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folders = [write(tmp_path / "a", seed=0), write(tmp_path / "b", seed=1, **other)]
    with pytest.raises(SystemExit, match=message):
        main([*folders, "--out", str(tmp_path / "mean")])
    assert not (tmp_path / "mean").exists()
