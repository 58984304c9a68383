"""Networks of one's own: in the menu beside the bundled ones, under every command's `name`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch

from tests.engine.bundle import draw_picture
from tests.weights.hub import make_probe
from tests.weights.samples import CONFIG, compute_logits, write_own
from vitdemo.engine import Engine, Request
from vitdemo.models import VisionTransformer
from vitdemo.registry import MODELS
from vitdemo.weights import WeightsError, find_names, list_models, load_model


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all runs."""
    monkeypatch.setenv("VITDEMO_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def answers_alike(name: str, model: VisionTransformer, *, models_dir: Path | None = None) -> bool:
    found = load_model(name, models_dir=models_dir).model
    return torch.equal(found(make_probe(16)), compute_logits(model, 16))


def test_what_a_run_exports_is_in_the_menu_and_loads_by_its_name(runs: Path, models: Path) -> None:
    engine = Engine(device="cpu", models_dir=models)
    assert "my_vit" not in dict(engine.networks.menu()).values()
    model = write_own(runs / "my_vit" / "export")
    assert ("DynamicViT · my_vit", "my_vit") in engine.networks.menu()  # of the app that runs
    info = engine.info("my_vit")
    assert (info.grid, info.layers, info.bundled) == ((4, 4), CONFIG.depth, False)
    result = engine.open(Request(draw_picture(), "my_vit", 0.3))
    assert (result.analysis.title, result.analysis.source) == ("DynamicViT · my_vit", "folder my_vit")
    assert set(dict(result.analysis.dense.top)) == {"a", "b", "c"}
    assert answers_alike("my_vit", model)


def test_a_folder_beside_the_bundled_ones_counts_before_a_run_of_its_name(runs: Path, tmp_path: Path) -> None:
    beside = write_own(tmp_path / "models" / "mine")
    other = write_own(runs / "mine" / "export")
    assert answers_alike("mine", beside, models_dir=tmp_path / "models")
    shutil.rmtree(tmp_path / "models" / "mine")
    assert answers_alike("mine", other)
    shutil.rmtree(runs)
    with pytest.raises(WeightsError, match="Unknown model 'mine'"):
        load_model("mine")


def test_a_run_with_a_bundled_name_hides_no_bundled_network(runs: Path, models: Path) -> None:
    model = write_own(runs / "vit_cifar10" / "export")
    menu = list_models(models)
    assert (menu["vit_cifar10"].config.embed_dim, menu["vit_cifar10_run"].config) == (192, CONFIG)
    assert answers_alike("vit_cifar10_run", model, models_dir=models)
    assert list(menu)[-1] == find_names(models)[-1] == "vit_cifar10_run"


def test_one_that_cannot_be_read_stands_there_and_says_why(runs: Path, models: Path) -> None:
    (runs / "broken" / "export").mkdir(parents=True)
    (runs / "broken" / "export" / "config.json").write_text("{")
    engine = Engine(device="cpu", models_dir=models)
    assert ("broken", "broken") in engine.networks.menu()
    with pytest.raises(WeightsError, match=r"config\.json of broken is not valid JSON"):
        engine.open(Request(draw_picture(), "broken"))


@pytest.mark.parametrize("name", [os.fsdecode(b"bad\xff"), "two\nlines", "\u202eback", "\x1b[31m", "x" * 101])
def test_one_whose_name_cannot_be_shown_is_left_out(name: str, runs: Path, tmp_path: Path) -> None:
    """The page could not be sent with it, nor with the others' names."""
    for folder in (runs / name / "export", tmp_path / "models" / name):
        write_own(folder)
    assert find_names(tmp_path / "models") == tuple(MODELS)


@pytest.mark.parametrize("name", ["<img src=x>", "学 é", "x" * 100])
def test_one_with_any_other_name_is_in_the_menu(name: str, runs: Path, models: Path) -> None:
    write_own(runs / name / "export")
    assert (f"DynamicViT · {name}", name) in Engine(device="cpu", models_dir=models).networks.menu()


def test_another_network_under_a_bundled_key_has_its_own_title(tmp_path: Path) -> None:
    write_own(tmp_path / "vit_imagenette")
    spec = list_models(tmp_path)["vit_imagenette"]
    assert (spec.title, spec.config) == ("DynamicViT · CIFAR-10", CONFIG)
    loaded = load_model("vit_imagenette", models_dir=tmp_path)
    assert loaded.spec == spec
    assert loaded.origin.source == "folder vit_imagenette"
