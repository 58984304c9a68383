"""What was judged of single pictures, kept in a file, so that a run that was stopped goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vitdemo.files import WriteError

Areas = dict[str, list[float]]  # by method


class Ledger:
    """A file of JSON lines `{"setting", "picture", "seconds", "areas"}`; without a path in memory alone.

    `setting`: what the numbers depend on. Lines of another one belong to other runs and are passed over, as
    is a line that a killed process has half written. A later line about a picture adds methods to it.
    """

    def __init__(self, path: Path | None, setting: Mapping[str, Any]) -> None:
        """Read what is there. Raise OSError where the file is there and cannot be read."""
        self.path, self.setting = path, dict(setting)
        self.pictures: dict[int, Areas] = {}
        self.seconds = 0.0  # of all lines that count
        for line in path.read_text(encoding="utf-8").splitlines() if path and path.exists() else ():
            self._take(line)

    def _take(self, line: str) -> None:
        try:
            found = json.loads(line)
            same = found["setting"] == self.setting
            picture, areas, seconds = int(found["picture"]), dict(found["areas"]), float(found["seconds"])
        except (ValueError, KeyError, TypeError):
            return
        if same:
            self.pictures.setdefault(picture, {}).update(areas)
            self.seconds += seconds

    def add(self, picture: int, areas: Areas, *, seconds: float) -> None:
        """Keep what was found. Raise WriteError naming the file."""
        line = json.dumps(
            {"setting": self.setting, "picture": picture, "seconds": round(seconds, 3), "areas": areas}
        )
        if self.path is not None:
            append_line(self.path, line)
        self._take(line)


def append_line(path: Path, line: str) -> None:
    """Write a line at the end of a file by a single call, behind what a killed process has half written.

    Raise WriteError naming `path` where that fails.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            torn = file.read(1) not in (b"", b"\n")
            file.write(b"\n" * torn + line.encode() + b"\n")
    except OSError as error:
        raise WriteError(f"cannot write {path}: {error.strerror or error}") from error
