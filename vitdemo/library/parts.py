"""What is done of a table that is not: the answers so far, in a folder beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from vitdemo.engine import Said
from vitdemo.files import check_writable, write_atomically
from vitdemo.weights.reading import hash_file

OWN = re.compile(r"[0-9a-f]{32}\.json(\.part)?")  # the second is what a killed process was writing
KEYS = {"path", "sha256", "said"}
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Parts:
    """Files `{"settings": {...}, "rows": [{"path", "sha256", "said"}]}`, one a batch, in `folder`.

    `path` is that of a picture below the folder of pictures, `sha256` that of its bytes when it was opened,
    and `said` what the network says of it. Only rows that were made with the same `settings` count.
    """

    folder: Path
    settings: Row

    def begin(self, files: Mapping[str, Path]) -> None:
        """Make the folder, or go on in it: drop the rows whose picture is not that of `files` any more.

        Raise ValueError with one sentence for what is not of this program, is damaged, or was begun with
        other settings; WriteError for a folder that cannot be written. Nothing is removed then.
        """
        check_writable(self.folder)
        for path in sorted(self.folder.iterdir()):
            if not (OWN.fullmatch(path.name) and path.is_file()):
                raise ValueError(
                    f"{self.folder} holds {path.name!r}, which is not of this program: move it away, "
                    "or name another table"
                )
        for path, rows in self._read_all().items():
            fit = [row for row in rows if is_of(row, files)]
            if fit != rows:
                self._write(path, fit)

    def add(self, files: Mapping[str, Path], digests: Sequence[str], said: Sequence[Said]) -> None:
        """Keep what the network says of `files`, whose digests were taken before they were opened."""
        rows = zip(files, digests, said, strict=True)
        self._write(
            self.folder / f"{uuid4().hex}.json",
            [{"path": path, "sha256": sha256, "said": asdict(one)} for path, sha256, one in rows],
        )

    def read(self) -> dict[str, Row]:
        """Return what the network says of each picture that is done, by its path. Raise as `begin`."""
        return {row["path"]: row["said"] for rows in self._read_all().values() for row in rows}

    def remove(self) -> None:
        """Remove the files that this program wrote, and the folder if it is empty then."""
        for path in self.folder.iterdir():
            if OWN.fullmatch(path.name):
                path.unlink()
        with suppress(OSError):
            self.folder.rmdir()

    def _read_all(self) -> dict[Path, list[Row]]:
        found = {path: read_part(path) for path in sorted(self.folder.glob("*.json"))}
        if any(part["settings"] != self.settings for part in found.values()):
            raise ValueError(f"{self.folder} was begun with other settings: remove it, or name another table")
        return {path: part["rows"] for path, part in found.items()}

    def _write(self, path: Path, rows: Sequence[Row]) -> None:
        write_atomically(path, json.dumps({"settings": self.settings, "rows": rows}))


def read_part(path: Path) -> Row:
    """Return the settings and the rows of one file. Raise ValueError naming it where it has not these."""
    try:
        part = json.loads(path.read_text("utf-8"))
        if part.keys() == {"settings", "rows"} and all(row.keys() == KEYS for row in part["rows"]):
            return part
    except (ValueError, TypeError, AttributeError, RecursionError):
        pass
    raise ValueError(f"{path} is damaged, or not of this program: remove it, or name another table")


def is_of(row: Row, files: Mapping[str, Path]) -> bool:
    """Return whether a row's picture has the bytes it had; one that could not be read is tried again."""
    path = files.get(row["path"])
    return path is not None and row["sha256"] != "" and row["sha256"] == digest(path)


def digest(path: Path) -> str:
    """Return the sha256 of a file, "" where it cannot be read."""
    try:
        return hash_file(path) if path.is_file() else ""  # a pipe would block
    except OSError:
        return ""
