"""Files and folders written so that a reader never sees half of one."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

LOCK = ".lock"


class WriteError(OSError):
    """A file could not be written; the message names it and says why."""


def write_atomically(path: Path, text: str) -> None:
    """Write UTF-8 beside `path`, make its folder if need be, and rename.

    Raise WriteError naming `path` where that fails; what was there before is then as it was.
    """
    with replace_file(path) as part:
        part.write_text(text, encoding="utf-8")


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield where to write what `path` shall be once the block is left.

    Nothing remains of it after an error. Raise WriteError naming `path` for an error of the system or of
    safetensors.
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


def check_writable(folder: Path) -> None:
    """Make `folder` if need be. Raise WriteError naming it where no file can be put there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise WriteError(f"cannot write {folder}: {error.strerror or error}") from error


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other processes out of `folder` as long as the block lasts, and no longer than this one lives.

    Raise ValueError naming `folder` where one is in it.
    """
    check_writable(folder)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another process is at work in {folder}; give this run another name") from None
        yield


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to fill, which takes the place of `folder` once the block is left.

    After an error all is as it was. Of a process that is killed the next call removes what was half-written,
    and puts back what it had moved aside. Raise WriteError naming `folder` for an error of the system.
    """
    folder = folder.resolve()
    part, old = name_beside(folder)
    settle(folder)
    try:
        part.mkdir(parents=True)
        yield part
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
    except WriteError as error:  # a file within: it is named by where it was to stand
        raise WriteError(str(error).replace(str(part), str(folder))) from error
    except OSError as error:
        raise WriteError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        settle(folder)


def settle(folder: Path) -> None:
    """Undo what was begun of a replacement of `folder`, or clear up after one that was made."""
    folder = folder.resolve()
    part, old = name_beside(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)
    for rest in (part, old):
        if rest.exists():
            shutil.rmtree(rest)


def name_beside(folder: Path) -> tuple[Path, Path]:
    """Return where what replaces `folder` is made, and where what stands there is moved aside.

    Both are hidden names that nobody else gives.
    """
    part, old = (folder.with_name(f".{folder.name}.vitdemo-{kind}") for kind in ("part", "old"))
    return part, old


def sweep(folder: Path) -> None:
    """Remove the files that killed processes left half-written in `folder`: ours, and safetensors' own."""
    for pattern in ("*.part", ".tmp*"):
        for path in folder.glob(pattern):
            if path.is_file():
                path.unlink(missing_ok=True)
