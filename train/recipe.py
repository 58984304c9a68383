"""From a recipe and `key=value` overrides to the config of a run."""

from __future__ import annotations

import ast
import difflib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_type_hints

from train.config import TrainConfig, flatten
from train.predictors.config import PredictorsConfig
from train.resnet import ResNetConfig
from vitdemo.config import ViTConfig
from vitdemo.kinds import check_value, config_in, from_json

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

RECIPES = Path(__file__).parent / "recipes"
PREDICTORS = "predictors"  # the recipe of predictors alone, which has keys of its own


def load_recipe(name: str, overrides: Sequence[str] = ()) -> TrainConfig:
    """Return the recipe `name` with `key=value` overrides, whose keys reach into groups with dots.

    Raise ValueError for an unknown recipe or key, naming the nearest known one, and for PREDICTORS.
    """
    return config_from_json(fill_in(name, overrides))


def load_predictors(overrides: Sequence[str] = ()) -> PredictorsConfig:
    """Return the recipe PREDICTORS with `key=value` overrides. Raise ValueError as `load_recipe`."""
    values = fill_in(PREDICTORS, overrides)
    check_keys(values, PredictorsConfig)
    return from_json(PredictorsConfig, values)


def fill_in(name: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Return the values of the recipe `name` with `key=value` overrides."""
    values = read_recipe(name)
    for item in overrides:
        override(values, item)
    return values


def read_recipe(name: str, *, heirs: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the values of a recipe, over those of the recipe that it `extends`.

    `heirs` are the recipes that extend this one; none of them can be extended in turn.
    """
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RECIPES.glob("*.toml")))
        raise ValueError(f"recipe {name!r} is unknown; known: {known}")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"recipe {name!r} is not valid TOML: {error}") from error
    if "extends" not in values:
        return values
    base = values.pop("extends")
    if not isinstance(base, str) or base in (*heirs, name):
        raise ValueError(f"recipe {name!r}: extends must name a recipe that does not extend it, got {base!r}")
    return merge(read_recipe(base, heirs=(*heirs, name)), values)


def merge(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `own`, group by group."""
    merged = dict(base)
    for key, value in own.items():
        inherited = base.get(key)
        if isinstance(value, dict) and isinstance(inherited, dict):
            value = merge(inherited, value)
        merged[key] = value
    return merged


def override(values: dict[str, Any], item: str) -> None:
    """Set one `key=value`, of which the key reaches into groups with dots."""
    key, sign, text = item.partition("=")
    if not sign:
        raise ValueError(f"override {item!r} is not of the form key=value")
    *groups, inner = key.split(".")
    for group in groups:
        values = values.setdefault(group, {})
        if not isinstance(values, dict):
            raise ValueError(f"override {item!r}: {group!r} has no keys of its own")
    values[inner] = parse_value(text)


def parse_value(text: str) -> Any:
    """Return a Python literal, true or false, or else the text itself."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def config_from_json(values: dict[str, Any]) -> TrainConfig:
    """Return a TrainConfig from plain values in groups; the inverse of `vitdemo.kinds.to_json`."""
    kind = ResNetConfig if values.get("network") == "resnet9" else ViTConfig
    values = {"model": {}} | values
    check_keys(values, TrainConfig, more=list_keys(kind, "model."))
    check_value("model", values["model"], kind)
    values["model"] = from_json(kind, values["model"], prefix="model.")
    return from_json(TrainConfig, values)


def check_keys(values: dict[str, Any], config: type, *, more: Iterable[str] = ()) -> None:
    """Raise ValueError naming a key that does not exist and the nearest one, or a group that is no group.

    Known are those of `config`, and `more`.
    """
    for group, kind in get_type_hints(config).items():
        if config_in(kind) and not isinstance(values.get(group, {}), dict):
            first, second, *_ = list_keys(kind, f"{group}.")
            raise ValueError(f"{group} is a group of keys, such as {first} and {second}")
    known = [*list_keys(config), *more]
    for key in flatten(values):
        if key not in known:
            near = guess_key(key, known)
            raise ValueError(f"unknown key {key!r}" + (f"; did you mean {near!r}?" if near else ""))


def list_keys(kind: type, prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of a config's keys: its groups, and what is in them."""
    for key, inner in get_type_hints(kind).items():
        yield prefix + key
        if group := config_in(inner):
            yield from list_keys(group, f"{prefix}{key}.")


def guess_key(key: str, known: Sequence[str]) -> str | None:
    """Return the key that was most likely meant: one of the same last part, else one of like spelling."""
    leaf = key.rpartition(".")[2]
    by_leaf = {name.rpartition(".")[2]: name for name in reversed(known)}
    if leaf in by_leaf:
        return by_leaf[leaf]
    near = difflib.get_close_matches(key, known, n=1)
    return near[0] if near else next(map(by_leaf.get, difflib.get_close_matches(leaf, by_leaf, n=1)), None)
