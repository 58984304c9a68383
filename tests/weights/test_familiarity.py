"""The file beside the weights that tells unfamiliar pictures: written, read, and left alone where unfit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.engine.bundle import write_models
from vitdemo.familiarity import Familiarity
from vitdemo.weights import load_model, save_familiarity
from vitdemo.weights.familiarity import FILE
from vitdemo.weights.reading import WEIGHTS, hash_file

KEY = "vit_cifar10"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def folder(models: Path, tmp_path: Path) -> Path:
    """A network with a fit."""
    shutil.copytree(models / KEY, tmp_path / KEY)
    width = load_model(str(tmp_path / KEY)).spec.config.embed_dim
    save_familiarity(
        tmp_path / KEY, Familiarity(torch.ones(width), torch.eye(width, 3), *torch.tensor([2.0, 3.0]))
    )
    return tmp_path / KEY


def test_what_was_saved_is_loaded_with_the_network(folder: Path) -> None:
    found = load_model(str(folder)).familiarity
    assert found is not None
    assert torch.equal(found.axes, torch.eye(len(found.centre), 3))
    assert (found.centre.sum(), found.scale, found.limit) == (len(found.centre), 2, 3)
    assert (folder / FILE).stat().st_size < 50_000


def test_a_network_without_one_has_none(models: Path) -> None:
    assert load_model(str(models / KEY)).familiarity is None


@pytest.mark.parametrize("fault", ["other weights", "damaged", "a part is missing", "another width"])
def test_what_does_not_fit_the_weights_is_left_alone(fault: str, folder: Path) -> None:
    tensors, metadata = load_file(folder / FILE), {"weights": hash_file(folder / WEIGHTS)}
    if fault == "damaged":
        (folder / FILE).write_bytes((folder / FILE).read_bytes()[:-8])
    elif fault == "other weights":
        save_file(tensors, folder / FILE, {"weights": "0" * 64})
    elif fault == "a part is missing":
        save_file({name: value for name, value in tensors.items() if name != "axes"}, folder / FILE, metadata)
    else:
        save_file(tensors | {"centre": tensors["centre"][1:]}, folder / FILE, metadata)
    assert load_model(str(folder)).familiarity is None
