"""The menu: what the folders of bundled models say counts, and optional models need a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.engine.bundle import KEYS, draw_picture, write_models
from vitdemo import weights
from vitdemo.config import PruneConfig
from vitdemo.datasets import CIFAR10_CLASSES, DATASETS
from vitdemo.engine import Engine, Request
from vitdemo.models import build_model
from vitdemo.registry import MODELS
from vitdemo.weights import list_models, load_model, read_spec, save_model

OPTIONAL = [key for key, spec in MODELS.items() if spec.optional]
WIDER = replace(MODELS["vit_cifar10"].config, embed_dim=48, depth=4, num_heads=3)
PHOTO = ["dynamicvit_photo", "vit_photo"]
SMALL_PHOTO = replace(MODELS["vit_imagenette"].config, embed_dim=24, depth=4)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundled models of which one is of another size than the registry's, and one is optional."""
    folder = write_models(tmp_path_factory.mktemp("models"))
    photos = DATASETS["imagenette"]
    for key, config, data, classes in (
        ("vit_cifar10", WIDER, replace(MODELS["vit_cifar10"].data, crop_pct=0.9), CIFAR10_CLASSES),
        ("vit_imagenette", SMALL_PHOTO, photos.data, photos.classes),
    ):
        save_model(folder / key, model=build_model(config), name=key, data=data, classes=classes)
    return folder


def test_optional_models_need_their_folder(models: Path) -> None:
    assert [*PHOTO, "dynamicvit_imagenette", "vit_imagenette", "lightvit_imagenette"] == OPTIONAL
    assert set(list_models(models)) == set(MODELS) - {*PHOTO, "dynamicvit_imagenette", "lightvit_imagenette"}
    keys = [key for _, key in Engine(device="cpu", models_dir=models).networks.menu()]
    assert keys[:4] == [*KEYS, "vit_imagenette"]
    assert set(keys) == set(list_models(models))


def test_the_folder_describes_the_model_before_and_after_it_is_loaded(models: Path) -> None:
    spec = read_spec("vit_cifar10", models_dir=models)
    loaded = load_model("vit_cifar10", models_dir=models).spec
    assert spec == loaded
    assert (spec.config, spec.data.crop_pct, spec.title) == (WIDER, 0.9, MODELS["vit_cifar10"].title)
    engine = Engine(device="cpu", models_dir=models)
    before = engine.info("vit_cifar10")
    assert (before.layers, before.heads, before.prune_loc) == (4, 3, (1, 2, 3))
    result = engine.open(Request(draw_picture(), "vit_cifar10", 0.5))
    assert engine.info("vit_cifar10") == before
    assert [len(ids) for ids in result.analysis.kept] == [32, 16, 8]
    photo = engine.info("vit_imagenette")
    assert (photo.grid, photo.dataset) == ((16, 16), "Imagenette")
    assert engine.open(Request(draw_picture(), "vit_imagenette", 0.5)).analysis.model == "vit_imagenette"


def test_a_folder_that_cannot_be_read_leaves_the_registrys_entry(tmp_path: Path) -> None:
    assert read_spec("vit_cifar10", models_dir=tmp_path) == MODELS["vit_cifar10"]
    (tmp_path / "vit_cifar10").mkdir()
    (tmp_path / "vit_cifar10" / "config.json").write_text("{")
    assert read_spec("vit_cifar10", models_dir=tmp_path) == MODELS["vit_cifar10"]
    assert read_spec("deit_tiny", models_dir=tmp_path) == MODELS["deit_tiny"]


def test_a_config_is_read_again_only_once_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(depth: int) -> None:
        config = replace(MODELS["vit_cifar10"].config, embed_dim=24, depth=depth)
        folder, data = tmp_path / "vit_cifar10", MODELS["vit_cifar10"].data
        save_model(folder, model=build_model(config), name="it", data=data, classes=CIFAR10_CLASSES)

    reads = []
    read = weights.read_description
    monkeypatch.setattr(weights, "read_description", lambda *a, **k: reads.append(1) or read(*a, **k))
    for depth in (4, 8):
        save(depth)
        assert {read_spec("vit_cifar10", models_dir=tmp_path).config.depth for _ in range(3)} == {depth}
    assert len(reads) == 2
    (tmp_path / "vit_cifar10" / "config.json").unlink()
    assert read_spec("vit_cifar10", models_dir=tmp_path) == MODELS["vit_cifar10"]


def test_one_file_serves_a_dynamicvit_and_the_dense_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    spec = MODELS["dynamicvit_photo"]
    small = replace(spec.config, img_size=56, embed_dim=24, depth=4, num_heads=3, prune=None)
    data = replace(spec.data, img_size=56)
    words = DATASETS["photos"].classes
    own = build_model(replace(small, prune=PruneConfig(prune_loc=(1, 2, 3)))).eval()
    save_model(tmp_path / "dynamicvit_photo", model=own, name="dynamicvit_photo", data=data, classes=words)
    assert {"dynamicvit_photo", "vit_photo"} < set(list_models(tmp_path))
    pruning, dense = (load_model(key, models_dir=tmp_path) for key in ("dynamicvit_photo", "vit_photo"))
    assert dense.spec == read_spec("vit_photo", models_dir=tmp_path)
    assert (dense.spec.config, dense.spec.key) == (small, "vit_photo")
    assert (dense.classes, dense.origin) == (pruning.classes, pruning.origin)
    names = {key for key in own.state_dict() if not key.startswith("score_predictor")}
    assert set(dense.model.state_dict()) == names < set(pruning.model.state_dict())
    pixels = torch.randn(2, 3, 56, 56)
    assert torch.equal(dense.model(pixels), pruning.model(pixels))
    assert torch.equal(dense.model(pixels), own(pixels))
