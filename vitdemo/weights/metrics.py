"""What was measured of a network: the metrics.json beside its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vitdemo.files import write_atomically

METRICS = "metrics.json"


def read_metrics(folder: Path | None) -> dict[str, Any]:
    """Return what metrics.json of `folder` says; nothing where there is none, or none that can be read."""
    if folder is None:
        return {}
    try:
        found = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def check_folder(name: str, folder: Path | None) -> Path:
    """Return the folder of the network `name`. Raise ValueError for one from the Hub, which has none here."""
    if folder is None:
        raise ValueError(f"--store is for bundled weights and folders; {name} comes from the Hub")
    return folder


def store_metrics(folder: Path, **found: Any) -> None:
    """Write what was found into metrics.json of `folder`, in the place of what is named alike.

    Raise OSError where it is missing or cannot be written.
    """
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8")) | found
    write_atomically(folder / METRICS, json.dumps(metrics, indent=1) + "\n")
