"""Recipes: every number is found, every mistake is named."""

from __future__ import annotations

import pytest
import torch

from train.config import RECIPES, config_from_json, config_to_json, load_recipe
from train.step import build_network
from vitdemo.registry import MODELS

NAMES = sorted(path.stem for path in RECIPES.glob("*.toml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_builds_the_network_that_the_registry_promises(name: str) -> None:
    config = load_recipe(name)
    assert config.network != "vit" or config.model == MODELS[config.name].config
    with torch.device("meta"):
        build_network(config.model)


@pytest.mark.parametrize("name", NAMES)
def test_a_config_survives_json(name: str) -> None:
    config = load_recipe(name, ["epochs=3", "model.num_classes=9"])
    assert (config.epochs, config.model.num_classes) == (3, 9)
    assert config_from_json(config_to_json(config)) == config


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    with pytest.raises(ValueError, match=r"'epoch'.*did you mean 'epochs'"):
        load_recipe("cifar10_vit", ["epoch=3"])
    with pytest.raises(ValueError, match=r"'embed_dims'.*did you mean 'embed_dim'"):
        load_recipe("cifar10_vit", ["model.embed_dims=3"])


def test_an_unknown_recipe_or_a_bad_override_is_named() -> None:
    with pytest.raises(ValueError, match=r"'cifar11'.*cifar10_vit"):
        load_recipe("cifar11")
    with pytest.raises(ValueError, match="'epochs'"):
        load_recipe("cifar10_vit", ["epochs"])
