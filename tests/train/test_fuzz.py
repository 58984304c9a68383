"""Recipes and overrides at random: a run's config, or one sentence that names the key; never a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from train.config import TrainConfig
from train.recipe import config_from_json, list_keys, load_recipe
from vitdemo.config import ViTConfig
from vitdemo.kinds import to_json

KEYS = [*list_keys(TrainConfig), *list_keys(ViTConfig, "model.")]
ODD = [
    "nan",
    "inf",
    "-inf",
    "1e999",
    "None",
    "true",
    "()",
    "[[]]",
    "{}",
    "[1, [2]]",
    "0x10",
    "1_0",
    "é",
    "猫",
]
values = st.one_of(
    st.sampled_from(ODD),
    st.integers(-3, 10**20).map(str),
    st.floats().map(str),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.recursive(st.integers(-2, 70) | st.floats(-1, 2), lambda inner: st.lists(inner, max_size=3)).map(str),
    st.dictionaries(st.sampled_from(["prune_loc", "keep_ratio", "x"]), st.integers(), max_size=2).map(str),
)


def try_recipe(words: list[str]) -> TrainConfig | str:
    """Return the config, or the sentence."""
    try:
        return load_recipe("cifar10_dynamicvit", words)
    except ValueError as error:
        return str(error)


@settings(max_examples=30, database=None)
@given(st.sampled_from(KEYS), values)
@example("model", "3")
@example("model.prune", "[1]")
@example("model.num_heads", "0")
@example("model.img_size", "(32, 0)")
@example("augment.token_keep", "[[0.5, 0.5], 3]")
@example("model.img_size", "4")
@example("network", "resnet9")
@example("model", "{'prune_loc': 0}")
def test_an_override_is_taken_or_named(key: str, value: str) -> None:
    found = try_recipe([f"{key}={value}"])
    if isinstance(found, TrainConfig):
        assert config_from_json(to_json(found)) == found
        return
    assert "\n" not in found.strip()
    assert len(found) < 400 + len(value), "beside what it quotes"
    groups = {"network": "unknown key 'model.", "model": "unknown key", "model.prune": "unknown key"}
    assert any(name in found for name in (key.rsplit(".", 1)[-1], groups.get(key, key))), (key, found)


@settings(max_examples=30, database=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=3))
@example(["=3"])
@example(["model.=3"])
@example(["..=1"])
@example(["model.prune.prune_loc.x=1"])
def test_any_words_are_an_override_or_a_sentence(words: list[str]) -> None:
    assert isinstance(try_recipe(words), (TrainConfig, str))


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=30, database=None)
@given(st.dictionaries(st.sampled_from(["name", "model", *KEYS[:60]]), plain, max_size=5))
def test_a_recipe_of_anything_is_a_config_or_a_sentence(values: dict[str, Any]) -> None:
    sentence = ""
    try:
        config_from_json({"name": "x", "model": {}} | values)
    except ValueError as error:
        sentence = str(error)
    assert "\n" not in sentence


def test_a_damaged_recipe_is_a_sentence(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.recipe.RECIPES", tmp_path)
    damaged = {"cut": b"name = ", "open": b"[model", "bytes": b"\xff\xfe", "twice": b"x = 1\nx = 2"}
    for name, text in damaged.items():
        (tmp_path / f"{name}.toml").write_bytes(text)
        with pytest.raises(ValueError, match=f"recipe '{name}' is not valid TOML"):
            load_recipe(name)
    (tmp_path / "bare.toml").write_text("epochs = 3")
    with pytest.raises(ValueError, match="the key 'name' is missing"):
        load_recipe("bare")
