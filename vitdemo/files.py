"""Files written so that a reader never sees half of one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


class WriteError(OSError):
    """A file could not be written; the message names it and says why."""


def write_atomically(path: Path, text: str) -> None:
    """Writes UTF-8 beside `path`, makes its folder if need be, and renames.

    Raises WriteError naming `path` where that fails; what was there before is then as it was.
    """
    with written(path) as part:
        part.write_text(text, encoding="utf-8")


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Where to write what `path` shall be once the block is left; nothing remains of it after an error.

    Raises WriteError naming `path` for an error of the system or of safetensors.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except WriteError:  # a file within this one's block has been named
        raise
    except (OSError, SafetensorError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise WriteError(f"cannot write {path}: {why}") from error
    finally:
        part.unlink(missing_ok=True)
