"""Networks of one's own that stand ready: beside the bundled ones, and what training runs have exported."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from vitdemo.registry import MODELS, PREFERRED, ModelSpec
from vitdemo.weights.reading import CONFIG

EXPORT = "export"  # the folder of a finished run's network, in the run's own
RUN = "_run"  # what follows the name of a run's network where a bundled one has the same
LONGEST = 100  # letters of a name


def find_runs_dir() -> Path:
    """Return the folder of all training runs: what VITDEMO_RUNS names, else ./runs."""
    return Path(os.environ.get("VITDEMO_RUNS", "runs"))


def find_networks(folder: Path, *, having: str = CONFIG) -> dict[str, Path]:
    """Return the folders of networks in `folder`, by name: those that hold the file `having`."""
    return {file.parent.name: file.parent for file in sorted(folder.glob(f"*/{having}"))}


def find_exports(runs_dir: Path, *, having: str = CONFIG) -> dict[str, Path]:
    """Return what the training runs in `runs_dir` have exported, by the run's name, as `find_networks`."""
    return {file.parents[1].name: file.parent for file in sorted(runs_dir.glob(f"*/{EXPORT}/{having}"))}


def find_own(models_dir: Path) -> dict[str, Path]:
    """Return the folders of networks that the registry does not name, by name.

    They stand in `models_dir`, or a run has exported them; of two with one name the former counts. One whose
    name no page could show is left out.
    """
    bundled = {*MODELS, *(spec.folder for spec in MODELS.values())}
    exports = find_exports(find_runs_dir())
    found = {f"{name}{RUN}" if name in bundled else name: folder for name, folder in exports.items()}
    found |= {name: folder for name, folder in find_networks(models_dir).items() if name not in bundled}
    return {name: folder for name, folder in found.items() if can_be_shown(name)}


def can_be_shown(name: str) -> bool:
    """Return whether a folder's name is short and printable, which bytes that are no UTF-8 never are."""
    return len(name) <= LONGEST and name.isprintable()


def make_own_spec(name: str, folder: Path) -> ModelSpec:
    """Return the menu's entry of the network in `folder`, whose shape its config.json is still to tell."""
    return replace(MODELS[PREFERRED[-1]], key=name, title=name, source=str(folder))
