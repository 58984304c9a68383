"""Predictors in one folder, and in another one, on the Hub, the weights that they were trained for."""

from __future__ import annotations

from pathlib import Path

from vitdemo.weights import hub
from vitdemo.weights.predictors import read_base
from vitdemo.weights.records import WeightsError


def fetch_base(folder: Path, terms: hub.Terms, *, label: str) -> tuple[Path, str]:
    """Return where the weights lie that `folder` is about, and their name on the Hub; itself and "" mostly.

    Raise WeightsError as `hub.fetch`.
    """
    base = read_base(folder, label=label)
    return (hub.fetch(base, terms=terms).folder, base) if base else (folder, "")


def inquire_base(folder: Path, terms: hub.Terms, *, label: str) -> tuple[Path, int, str]:
    """Return where the config of those weights lies, their bytes where they lie apart, and their name there.

    Raise WeightsError as `hub.inquire`.
    """
    base = read_base(folder, label=label)
    if not base:
        return folder, 0, ""
    found, nbytes = hub.inquire(base, terms)
    return found.folder, nbytes, base


def find_base(folder: Path, apart: Path | None = None) -> Path | None:
    """Return where the weights lie that `folder` is about, without a request; None where they are not here.

    `apart`: as in `hub.Terms`. Raise WeightsError where its config cannot be read.
    """
    base = read_base(folder, label=folder.name)
    if not base:
        return folder
    cached = hub.find_cached(hub.read_address(base), apart)
    return cached and cached.folder


def is_cached(address: hub.Address, apart: Path | None = None) -> bool:
    """Return whether a network lies whole in a cache, with the weights that it is about."""
    found = hub.find_cached(address, apart)
    try:
        return found is not None and find_base(found.folder, apart) is not None
    except WeightsError:  # which whoever loads it is told
        return True
