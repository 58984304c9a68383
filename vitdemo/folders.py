"""Folders of picture files, a folder a class, read as torchvision's ImageFolder reads them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SUFFIXES = (".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Photos:
    """Picture files of any size: `labels` int64 `(b,)` are indices into `classes`."""

    paths: tuple[Path, ...]
    labels: np.ndarray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, rows: slice) -> Photos:
        return Photos(self.paths[rows], self.labels[rows], self.classes)


def list_class_folders(root: Path) -> list[Path]:
    """Return the folders in `root`, by name, but for hidden ones.

    Raise FileNotFoundError, or ValueError for a name that is no text.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is missing: it should hold a folder of pictures for each class")
    found = [entry for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    for entry in found:
        if not _is_text(entry.name):
            raise ValueError(f"{root} holds a class whose name is not UTF-8, {entry.name!a}: rename it")
    return sorted(found, key=lambda entry: entry.name)


def _is_text(name: str) -> bool:
    """Return whether a file's name is text, and not bytes of another encoding, as old archives leave them."""
    return name.encode(errors="replace").decode() == name


def read_tree(root: Path, classes: tuple[str, ...]) -> Photos:
    """Return every picture file below `root/<class>`, in the order of torchvision's ImageFolder.

    Raise FileNotFoundError for a class without a picture, ValueError for one that is not in `classes`.
    """
    paths, labels = [], []
    for folder in list_class_folders(root):
        if folder.name not in classes:
            raise ValueError(f"{folder} is a class that the training pictures lack")
        found = list_pictures(folder)
        if not found:
            raise FileNotFoundError(f"{folder} holds no pictures ({', '.join(SUFFIXES)})")
        paths += found
        labels += [classes.index(folder.name)] * len(found)
    if not paths:
        raise FileNotFoundError(f"{root} holds no pictures")
    return Photos(tuple(paths), np.array(labels, dtype=np.int64), classes)


def list_pictures(folder: Path) -> list[Path]:
    """Return the picture files below `folder`, by their folders' paths and then by name."""
    above = frozenset(map(str, folder.resolve().parents))
    found = [Path(home, name) for home, names in sorted(_walk(folder, above)) for name in names]
    return [path for path in found if path.suffix.lower() in SUFFIXES]


def _walk(folder: Path, above: frozenset[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder from `folder` down with the sorted names of its files, but for what is hidden."""
    real = str(folder.resolve())
    if real in above:
        return
    entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    yield str(folder), sorted(entry.name for entry in entries if not entry.is_dir())
    for entry in entries:
        if entry.is_dir():
            yield from _walk(Path(entry.path), above | {real})
