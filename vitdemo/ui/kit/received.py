"""What a request may hold: files that were uploaded, numbers that are numbers, choices that there are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

LARGEST = 2**53  # beyond it a browser cannot tell whole numbers apart


def is_uploaded(path: Any) -> bool:
    """Return whether `path` is a file in gradio's upload folder, and no link out of it.

    Look at nothing elsewhere.
    """
    folder = get_upload_folder()
    if not isinstance(path, str) or not is_inside(os.path.normpath(path), folder):
        return False
    try:
        real = os.path.realpath(path)
        return is_inside(real, os.path.realpath(folder)) and Path(real).is_file()
    except ValueError:  # a name that no file can have
        return False


def is_inside(path: str, folder: str) -> bool:
    """Return whether `path` lies in `folder`; both are absolute."""
    return Path(path).is_relative_to(folder)


def find_paths(value: Any) -> Iterator[Any]:
    """Yield whatever stands as the path of a file in `value`, at any depth."""
    for part in walk_parts(value):
        if isinstance(part, dict) and part.get("path") is not None:
            yield part["path"]


def is_sound(value: Any) -> bool:
    """Return whether all numbers in `value`, at any depth, are finite and of a size that makes sense."""
    return all(abs(part) <= LARGEST for part in walk_parts(value) if isinstance(part, (int, float)))


def walk_parts(value: Any) -> Iterator[Any]:
    """Yield `value` and all that it holds.

    Do not recurse: how deep a value goes, a stranger decides.
    """
    left = [value]
    while left:
        part = left.pop()
        yield part
        if isinstance(part, (dict, list, tuple)):
            left.extend(part.values() if isinstance(part, dict) else part)


def choose_known(name: str | None, known: Iterable[str]) -> str:
    """Return `name`, of a selector or a size, if it is `known`, else the first, which is the model's own."""
    first, *others = known
    return name if name in others else first
