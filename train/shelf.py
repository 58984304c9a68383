"""Checkpoints that stand together in a folder, bundled or of own runs: found and loaded."""

from __future__ import annotations

from pathlib import Path

from vitdemo.registry import MODELS
from vitdemo.weights import BUNDLED, LoadedModel, load_model
from vitdemo.weights.metrics import METRICS
from vitdemo.weights.shelf import find_exports, find_networks, find_own, make_own_spec


def load_named(name: str, folder: Path, *, device: str = "cpu") -> LoadedModel:
    """Return the network in `folder` as a user would load it, under `name`."""
    return load_model(make_own_spec(name, folder), device=device)


def find_folder(name: str) -> Path:
    """Return the folder of a bundled network, of one's own, or of that path. Raise ValueError for none."""
    for folder in (find_own(BUNDLED).get(name, BUNDLED / name), Path(name)):
        if folder.is_dir():
            return folder
    raise ValueError(f"there is no folder {name}, nor a network of that name")


def list_checkpoints(folder: Path) -> dict[str, Path]:
    """Return the judged networks in `folder`, and the exports where it holds runs, by name.

    They are in the registry's order, others after those.
    """
    found = find_networks(folder, having=METRICS) | find_exports(folder, having=METRICS)
    names = [*(key for key in MODELS if key in found), *(name for name in found if name not in MODELS)]
    return {name: found[name] for name in names}
