"""Recipes: every number is found, every mistake is named, and what a GPU trains fits the demo."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from train.config import TrainConfig, flatten, list_settings
from train.export import FULL_BYTES
from train.network import build_network
from train.optim import build_optimizers
from train.options import AugmentOptions, DataOptions, DistilOptions, OptimOptions, PruneOptions
from train.recipe import PREDICTORS, RECIPES, config_from_json, load_recipe, tomllib
from vitdemo.config import PruneConfig, ViTConfig, as_pair
from vitdemo.cost import parameters
from vitdemo.datasets import DATASETS
from vitdemo.kinds import to_json
from vitdemo.registry import MODELS

NAMES = sorted(path.stem for path in RECIPES.glob("*.toml") if path.stem != PREDICTORS)
GPU = [name for name in NAMES if name.startswith("gpu_")]
LIMIT, PHOTO_LIMIT = 10 * 10**6, 46 * 10**6  # bytes of a bundled file; one network alone may be larger


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_builds_a_network_of_the_family_that_the_registry_promises(name: str) -> None:
    config = load_recipe(name)
    with torch.device("meta"):
        build_optimizers(build_network(config.model), config.optim)
    classes = DATASETS[config.data.dataset].classes
    assert not classes or config.model.num_classes == len(classes)
    if config.name not in MODELS:
        return
    assert isinstance(config.model, ViTConfig)
    promised, data = MODELS[config.name].config, MODELS[config.name].data
    assert (config.data.dataset, as_pair(config.model.img_size)) == (data.dataset, as_pair(data.img_size))
    assert (config.model.prune is None) == (promised.prune is None)
    assert (config.model.attention, config.model.grid) == (promised.attention, promised.grid)


def test_the_bundled_models_have_recipes_for_both_columns_of_hardware() -> None:
    by_name: dict[str, set[bool]] = {}
    for name in NAMES:
        by_name.setdefault(load_recipe(name).name, set()).add(name in GPU)
    bundled = {key for key, spec in MODELS.items() if spec.source == "bundled"}
    assert {name for name in bundled if True in by_name[name]} == bundled
    assert {name for name in bundled if False in by_name[name]} >= {n for n in bundled if "cifar10" in n}


@pytest.mark.parametrize("name", [name for name in GPU if load_recipe(name).name in MODELS])
def test_weights_that_a_gpu_trains_are_small_enough_to_bundle(name: str) -> None:
    config = load_recipe(name)
    assert isinstance(config.model, ViTConfig)
    count, photos = parameters(config.model), config.data.dataset == "photos"
    assert count <= (23_000_000 if photos else 5_000_000)
    assert 4 * count > FULL_BYTES, "stored in 16 bits"
    assert 2 * count + 20_000 < (PHOTO_LIMIT if photos else LIMIT)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_starts_from_what_another_one_leaves(name: str) -> None:
    config = load_recipe(name)
    others = [load_recipe(other) for other in NAMES if (other in GPU) == (name in GPU)]
    if config.distil.teacher:
        taught = [other for other in others if other.name == config.distil.teacher]
        assert [other.network for other in taught] == ["resnet9"]
        assert taught[0].data.dataset == config.data.dataset
        assert taught[0].model.num_classes == config.model.num_classes
    if config.init_from and not config.init_from.startswith("hf-hub:"):
        sources = [other for other in others if other.name == config.init_from]
        assert {describe_blocks(other) for other in sources} == {describe_blocks(config)}
        if config.objective != "classify":  # the loss asks the source about the same pictures
            assert {(other.data.dataset, other.model.img_size) for other in sources} == {
                (config.data.dataset, config.model.img_size)
            }


def describe_blocks(config: TrainConfig) -> tuple[float, ...]:
    """Return what the blocks of two networks must share for one to go on from the other."""
    assert isinstance(config.model, ViTConfig)
    return config.model.embed_dim, config.model.depth, config.model.mlp_ratio


@pytest.mark.parametrize("name", NAMES)
def test_a_header_says_for_what_how_long_and_how_good(name: str) -> None:
    text = (RECIPES / f"{name}.toml").read_text(encoding="utf-8")
    head = " ".join(line.strip("# ") for line in text.splitlines() if line.startswith("#"))
    assert any(words in head for words in ("CPU core", "GPU"))
    assert re.search(r"minute|hour|\d s\b", head)
    if name in GPU:
        assert re.search(r"Expected, not yet run: |\d\d\.\d\d %.*\(n = \d\)", head)


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_says_only_what_is_its_own(name: str) -> None:
    """But for the shape of a network that no other recipe names: that is written out."""
    said = tomllib.loads((RECIPES / f"{name}.toml").read_text(encoding="utf-8"))
    base = said.pop("extends", "")
    shape = {} if base else said.pop("model")
    inherited = list_settings(load_recipe(base) if base else TrainConfig("none", ViTConfig()))
    assert not [key for key, value in flatten(said).items() if inherited.get(key) == value]
    assert base or {"img_size", "num_classes"} <= set(shape)


@pytest.mark.parametrize("name", NAMES)
def test_a_config_survives_json(name: str) -> None:
    config = load_recipe(name, ["epochs=3", "model.num_classes=9"])
    assert (config.epochs, config.model.num_classes) == (3, 9)
    assert config_from_json(to_json(config)) == config


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    for word, known in (
        ("epoch=3", "epochs"),
        ("lr=3", "optim.lr"),  # it lies in a group
        ("learning.lr=3", "optim.lr"),  # in another group
        ("optim.lrr=3", "optim.lr"),
        ("cutmix_probs=3", "augment.cutmix_prob"),
        ("model.embed_dims=3", "model.embed_dim"),
        ("keep_ratio=0.5", "model.prune.keep_ratio"),
    ):
        key = word.partition("=")[0]
        with pytest.raises(ValueError, match=rf"^unknown key '{key}'; did you mean '{known}'\?$"):
            load_recipe("cifar10_vit", [word])
    with pytest.raises(ValueError, match=r"^unknown key 'zzz'$"):
        load_recipe("cifar10_vit", ["zzz=1"])


def test_a_value_in_place_of_a_group_is_told_its_keys() -> None:
    with pytest.raises(ValueError, match=r"^data is a group of keys, such as data.dataset and data.folder$"):
        load_recipe("cifar10_vit", ["data=PATH"])


def test_a_recipe_extends_another_group_by_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.recipe.RECIPES", tmp_path)
    texts = {
        "base": "name = 'a'\nepochs = 3\n[optim]\nlr = 0.5\nema = 0.5\n[model]\ndepth = 2",
        "heir": "extends = 'base'\nname = 'b'\n[optim]\nlr = 0.25\n[model.prune]\nprune_loc = [1]",
        "last": "extends = 'heir'\n[model]\nprune.keep_ratio = 0.5",
        "ring": "extends = 'knot'",
        "knot": "extends = 'ring'",
        "self": "extends = 'self'",
        "odd": "extends = 3",
        "lost": "extends = 'nobody'",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.toml").write_text(text)
    last = load_recipe("last", ["optim.ema=0.25"])
    assert (last.name, last.epochs, last.optim.lr, last.optim.ema) == ("b", 3, 0.25, 0.25)
    assert last.model == ViTConfig(depth=2, prune=PruneConfig((1,), 0.5))
    assert load_recipe("base").optim.lr == 0.5
    for name in ("ring", "self", "odd"):
        with pytest.raises(ValueError, match="extends must name a recipe that does not extend it"):
            load_recipe(name)
    with pytest.raises(ValueError, match="recipe 'nobody' is unknown"):
        load_recipe("lost")


@pytest.mark.parametrize(
    "kind", [TrainConfig, DataOptions, AugmentOptions, OptimOptions, DistilOptions, PruneOptions]
)
def test_each_key_has_a_line_of_documentation(kind: type) -> None:
    body = ast.parse(inspect.getsource(kind)).body[0].body  # pyright: ignore[reportAttributeAccessIssue]
    for key, line in pairwise(body):
        if isinstance(key, ast.AnnAssign):
            assert isinstance(line, ast.Expr), ast.unparse(key)
            assert isinstance(line.value, ast.Constant), ast.unparse(key)


def test_a_value_of_another_kind_is_named() -> None:
    for override, message in (
        ("optim.optimizer=Muon", "optim.optimizer must be one of adamw, adam, sgd, muon, got 'Muon'"),
        ("optim.schedule=constant", "schedule must be one of"),
        ("objective=elastik", "objective must be one of"),
        ("compile=no", "compile must be true or false, got 'no'"),
        ("augment.flip=1", "augment.flip must be true or false"),
        ("epochs=2.5", "epochs must be a whole number"),
        ("optim.lr=high", "optim.lr must be a number"),
        ("name=3", "name must be text"),
        ("model.attention=lineal", "model.attention must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            load_recipe("cifar10_vit", [override])
    assert load_recipe("cifar10_vit", ["optim.lr=1"]).optim.lr == 1


def test_an_override_reaches_into_the_pruning() -> None:
    model = load_recipe("cifar10_dynamicvit", ["model.prune.keep_ratio=0.5"]).model
    assert isinstance(model, ViTConfig)
    assert model.prune is not None
    assert (model.prune.keep_ratio, model.prune.prune_loc) == (0.5, (2, 4, 6))
    with pytest.raises(ValueError, match="'epochs' has no keys"):
        load_recipe("cifar10_dynamicvit", ["epochs.more=1"])


def test_an_unknown_recipe_or_a_bad_override_is_named() -> None:
    with pytest.raises(ValueError, match=r"'cifar11'.*cifar10_vit"):
        load_recipe("cifar11")
    with pytest.raises(ValueError, match="'epochs'"):
        load_recipe("cifar10_vit", ["epochs"])
