"""Checkpoints that stand together in a folder, bundled or of own runs: found, named and loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vitdemo.registry import MODELS
from vitdemo.weights import LoadedModel, load_model
from vitdemo.weights.shelf import EXPORT, make_own_spec


def load_named(name: str, folder: Path, *, device: str = "cpu") -> LoadedModel:
    """Return the network in `folder` as a user would load it, under `name`."""
    return load_model(make_own_spec(name, folder), device=device)


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
