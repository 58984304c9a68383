"""Tables of README.md and docs/numbers.md that a command writes: text between two comments."""

from __future__ import annotations

from pathlib import Path

from vitdemo.files import write_atomically


def write_block(path: Path, *, name: str, text: str) -> None:
    """Replace what stands between `<!-- name:begin -->` and `<!-- name:end -->`, atomically.

    Raise ValueError when `path` has no such place.
    """
    whole = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if begin not in whole or end not in whole:
        raise ValueError(f"{path} has no place for the table {name!r}: {begin} ... {end}")
    head, _, rest = whole.partition(begin)
    write_atomically(path, f"{head}{begin}\n{text.strip()}\n{end}{rest.partition(end)[2]}")


def read_block(path: Path, *, name: str) -> str:
    """Return what stands between the two comments."""
    whole = path.read_text(encoding="utf-8")
    return whole.partition(f"<!-- {name}:begin -->")[2].partition(f"<!-- {name}:end -->")[0].strip()
