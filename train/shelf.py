"""Checkpoints that stand together in a folder, bundled or of own runs: found, named and loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from train.config import EXPORT
from vitdemo.registry import FAMILIES, MODELS, ModelSpec
from vitdemo.weights import LoadedModel, load_model


def load_named(name: str, folder: Path, *, device: str = "cpu") -> LoadedModel:
    """Return the network in `folder` as a user would load it, under the menu's entry `name` or its own."""
    loaded = load_model(str(folder), device=device)
    config, data = loaded.spec.config, loaded.spec.data
    family = "dynamicvit" if config.prune else "lightvit" if config.attention == "linear" else "vit"
    spec = MODELS.get(name) or ModelSpec(name, name, FAMILIES[family][1], config, data)
    return replace(loaded, spec=replace(spec, config=config, data=data))


def checkpoints_in(folder: Path) -> dict[str, Path]:
    """Return the checkpoints in `folder`, or the exports where it holds runs, by name.

    They are in the registry's order, others after those.
    """
    found = {path.parent.name: path.parent for path in sorted(folder.glob("*/metrics.json"))}
    found |= {path.parents[1].name: path.parent for path in sorted(folder.glob(f"*/{EXPORT}/metrics.json"))}
    names = [*(key for key in MODELS if key in found), *(name for name in found if name not in MODELS)]
    return {name: found[name] for name in names}


def metrics_of(folder: Path) -> dict[str, Any]:
    """Return what the metrics.json of a checkpoint says."""
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def metrics_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the metrics of each of `checkpoints_in`."""
    return {name: metrics_of(path) for name, path in checkpoints_in(folder).items()}
