"""Predictors beside weights: joined where they fit, and told where they do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.weights.hub import COMMIT, make_probe
from tests.weights.samples import CONFIG, write_own
from vitdemo.config import PruneConfig
from vitdemo.models import build_model
from vitdemo.weights import WeightsError, load_model

FILE = "predictors.safetensors"
OTHER = PruneConfig((0, 1), 0.6)


def tell(folder: Path, **changes: Any) -> None:
    """Set keys of what the config says of the predictors."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["predictors"] |= changes
    path.write_text(json.dumps(config))


def write_predictors(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file(tensors, folder / FILE)
    tell(folder, sha256=sha256((folder / FILE).read_bytes()).hexdigest())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The small network, which has a predictor of its own, and others for two stages beside it."""
    place = tmp_path / "it"
    write_own(place)
    config = json.loads((place / "config.json").read_text())
    config["predictors"] = {"prune_loc": [0, 1], "keep_ratio": 0.6}
    (place / "config.json").write_text(json.dumps(config))
    state = build_model(replace(CONFIG, prune=OTHER)).state_dict()
    write_predictors(place, {key: value for key, value in state.items() if key.startswith("score_predictor")})
    return place


def test_they_take_the_place_of_those_in_the_weights(folder: Path) -> None:
    loaded = load_model(str(folder))
    assert loaded.spec.config == replace(CONFIG, prune=OTHER)
    state = loaded.model.state_dict()
    body, added = load_file(folder / "model.safetensors"), load_file(folder / FILE)
    assert all(torch.equal(state[key], added[key]) for key in state if key.startswith("score_predictor"))
    assert all(torch.equal(state[key], body[key]) for key in state if not key.startswith("score_predictor"))
    (folder / FILE).unlink()
    with pytest.raises(WeightsError, match=f"has no {FILE}"):
        load_model(str(folder))


def edit(name: str, value: torch.Tensor | None) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensors = {**load_file(folder / FILE), name: value}
        write_predictors(folder, {key: tensor for key, tensor in tensors.items() if tensor is not None})

    return change


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "part of the body": (
        edit("head.bias", torch.ones(3)),
        f"{FILE} of .*: head.bias is no part of a predictor",
    ),
    "one missing": (
        edit("score_predictor.1.in_conv.0.bias", None),
        f"{FILE} of .*: score_predictor.1.in_conv.0.bias is missing",
    ),
    "not finite": (
        edit("score_predictor.1.in_conv.0.bias", torch.full((64,), torch.nan)),
        f"{FILE} of .*: score_predictor.1.in_conv.0.bias has numbers that are not finite",
    ),
    "another checksum": (lambda f: tell(f, sha256="0" * 64), f"{FILE} of .* is damaged: its sha256"),
    "other weights": (lambda f: tell(f, weights="0" * 64), "model.safetensors of .* is damaged: its sha256"),
    "beyond the depth": (lambda f: tell(f, prune_loc=[0, 9]), r"prune_loc \(0, 9\) lies outside a network"),
    "unknown key": (lambda f: tell(f, colour=1), "unknown key 'colour'"),
    "another kind": (lambda f: tell(f, keep_ratio="x"), "predictors.keep_ratio must be a number, got 'x'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_named(folder: Path, fault: str) -> None:
    harm, message = FAULTS[fault]
    harm(folder)
    with pytest.raises(WeightsError, match=message):
        load_model(str(folder))


@pytest.mark.parametrize(
    "base", ["hf-hub:me/it", "hf-hub:me/it@main", "../it", f"hf-hub:me/../it@{COMMIT}", 3, None]
)
def test_weights_elsewhere_are_those_of_one_commit_of_the_hub(folder: Path, base: Any) -> None:
    config = {"format": "vitdemo", "version": 1, "base": base, "predictors": {"prune_loc": [1]}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match="base must be hf-hub:owner/repo@COMMIT"):
        load_model(str(folder))


def test_a_network_with_predictors_goes_to_the_same_picture_as_without(folder: Path) -> None:
    probe = make_probe(16)
    joined, plain = load_model(str(folder)), json.loads((folder / "config.json").read_text())
    del plain["predictors"]
    (folder / "config.json").write_text(json.dumps(plain))
    assert torch.equal(joined.model(probe), load_model(str(folder)).model(probe))
