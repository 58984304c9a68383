"""What was measured of a network: the metrics.json beside its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
