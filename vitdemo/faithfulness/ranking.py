"""Which maps of a network were found the most faithful, stored in the metrics.json beside its weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vitdemo.faithfulness.study import Study
from vitdemo.weights.metrics import read_metrics, store_metrics

KEY = "faithfulness"
DECIMALS = 3


@dataclass(frozen=True)
class Ranking:
    """How the maps of one network stand.

    `gains`: of each method, what it gains over random order, on average over `n` pictures. Empty and 0 where
    nobody measured it, or no map was better than random order.
    """

    gains: Mapping[str, float]
    n: int

    def sort(self, methods: Iterable[str]) -> list[str]:
        """Return `methods` by falling gain, those that were not judged last, in the order given."""
        return sorted(methods, key=lambda method: -self.gains.get(method, -math.inf))


def write_ranking(folder: Path, found: Study) -> None:
    """Store what a study found. Raise OSError where metrics.json is missing or cannot be written."""
    gains = {row.method: [row.gain.mean, row.gain.low, row.gain.high] for row in found.rows}
    judged = {
        "dataset": found.dataset,
        "split": found.split,
        "n": found.n,
        "gains": {method: [round(number, DECIMALS) for number in gain] for method, gain in gains.items()},
    }
    store_metrics(folder, **{KEY: judged})


def read_ranking(folder: Path | None) -> Ranking:
    """Return what was stored beside the weights in `folder`, None = a network that has no folder."""
    try:
        found = read_metrics(folder)[KEY]
        gains = {method: (float(mean), float(low)) for method, (mean, low, _) in found["gains"].items()}
        n = int(found["n"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return Ranking({}, 0)
    if not any(low > 0 for _, low in gains.values()):
        return Ranking({}, 0)
    return Ranking({method: mean for method, (mean, _) in gains.items()}, n)
