"""Predictors trained for a network that stays as it is: a small file that is joined to it on loading.

The config.json beside them has one key more: `"predictors": {"name": ..., "prune_loc": [3, 6, 9],
"keep_ratio": 0.7, "sha256": of predictors.safetensors, "weights": of model.safetensors}`; the name and
the checksums may be left out. For the rest it is the config of the weights that lie there too, in any
format. Or these lie in a repository of the Hub, at one commit: `{"format": "vitdemo", "version": 1,
"base": "hf-hub:owner/repo@COMMIT", "predictors": ...}`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from vitdemo.config import PruneConfig
from vitdemo.kinds import from_json, take
from vitdemo.weights.reading import CONFIG, find_config, read_file, read_json
from vitdemo.weights.records import PREDICTOR, Description, Json, WeightsError

PREDICTORS = "predictors.safetensors"
KEY, BASE = "predictors", "base"
PINNED = re.compile(r"hf-hub:[^/@\s]+/[^/@\s]+@[0-9a-f]{40}")
TEXTS = ("name", "sha256", "weights")
ALONE = {"format", "version", BASE, KEY}


def join(described: Description, config: Json) -> Description:
    """Return the network of `config` with the predictors that stand in it, in place of any of its own.

    Raise ValueError naming what is unknown, missing or of a wrong kind.
    """
    if KEY not in config:
        return described
    values = take(config, KEY, dict)
    stages = {name: value for name, value in values.items() if name not in TEXTS}
    prune = from_json(PruneConfig, stages, prefix=f"{KEY}.")
    name, own, weights = (take(values, name, str, "") for name in TEXTS)
    bare = described.without_predictors()
    return replace(
        bare,
        name=name or bare.name,
        config=replace(bare.config, prune=prune),
        predictors=own,
        sha256=weights or bare.sha256,
    )


def read_base(folder: Path, *, label: str) -> str:
    """Return the name on the Hub of the weights that `folder` is about, "" where they lie in it.

    Raise WeightsError for anything but one commit of a repository.
    """
    config = read_json(folder / find_config(folder), label=label)
    if config.get("format") != "vitdemo" or BASE not in config:
        return ""
    base = config[BASE]
    if not isinstance(base, str) or not PINNED.fullmatch(base):
        raise WeightsError(f"{CONFIG} of {label}: base must be hf-hub:owner/repo@COMMIT, got {base!r}")
    return base


def lay_over(base: Json, own: Json) -> Json:
    """Return the config of weights as `own`, that of predictors which lie apart, changes it.

    Raise ValueError naming what is unknown or of a wrong kind in `own`, and for weights that lie apart too.
    """
    if unknown := sorted(own.keys() - ALONE):
        raise ValueError(f"unknown key {unknown[0]!r}")
    if own.get("version") != 1:
        raise ValueError(f"version {own.get('version')!r} is not known, only 1 is")
    if BASE in base:
        raise ValueError(f"the weights of base {own[BASE]!r} lie elsewhere, too")
    return {**base, KEY: take(own, KEY, dict)}


def find_parts(folder: Path) -> tuple[bool, bool]:
    """Return whether `folder` has weights, and whether it has predictors, as its config tells."""
    try:
        config = read_json(folder / find_config(folder), label="")
    except WeightsError:  # which whoever loads it is told
        return True, False
    return config.get("format") != "vitdemo" or BASE not in config, KEY in config


def read_predictors(folder: Path, described: Description, *, label: str) -> dict[str, Tensor]:
    """Return the tensors of PREDICTORS in `folder` where it has them; none where the network has none there.

    Raise WeightsError as `read_file`, and for a tensor that belongs to the rest of the network.
    """
    if described.predictors is None:
        return {}
    found = read_file(folder / PREDICTORS, label=label, sha256=described.predictors)
    for name in found:
        if not name.startswith(PREDICTOR):
            raise WeightsError(f"{PREDICTORS} of {label}: {name} is no part of a predictor")
    return found
