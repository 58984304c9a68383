"""The temporary files of one running app: a folder of its own, bounded, and gone when the app is."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vitdemo.files import replace_file
from vitdemo.limits import MEGABYTE, Limits

PREFIX, LOCK, MARK = "vitdemo-", "lock", "a running vitdemo holds this file\n"
PERIOD = 10.0  # seconds between two looks
BLOCK = 512  # bytes, in which a system counts what a file takes

State = tuple[Path, int]  # a file, and when it was last changed, in nanoseconds
Sizes = dict[State, int]  # bytes


@contextmanager
def keep_folder() -> Iterator[Path]:
    """Yield a folder for this process alone, where gradio and `tempfile` put their files.

    It lies below GRADIO_TEMP_DIR or the system's; what dead processes left there is removed. Raise OSError
    where it cannot be made.
    """
    parent = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    bury(parent)
    folder = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=parent.resolve()))
    try:
        with (folder / LOCK).open("w") as lock:
            lock.write(MARK)
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)  # the system takes it back however the process ends
            folder = folder.rename(folder.with_name(folder.name[1:]))  # only now do others look at it
            with use_folders(folder / "files", folder / "work"):
                yield folder / "files"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bury(parent: Path) -> None:
    """Remove the folders of processes that are no more."""
    for lock in parent.glob(f"{PREFIX}*/{LOCK}"):
        if lock.is_symlink() or not lock.is_file():  # opening a pipe would wait for ever
            continue
        with suppress(OSError, ValueError), lock.open() as file:  # of another user, or of one that is alive
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if file.read(len(MARK) + 1) == MARK:  # else somebody's own folder of such a name
                shutil.rmtree(lock.parent, ignore_errors=True)


@contextmanager
def use_folders(files: Path, work: Path) -> Iterator[None]:
    """Let gradio keep its files in the first, and all else in the second."""
    before = os.environ.get("GRADIO_TEMP_DIR"), tempfile.tempdir
    files.mkdir()
    work.mkdir()
    os.environ["GRADIO_TEMP_DIR"], tempfile.tempdir = str(files), str(work)
    try:
        yield
    finally:
        os.environ.pop("GRADIO_TEMP_DIR")
        if before[0] is not None:
            os.environ["GRADIO_TEMP_DIR"] = before[0]
        tempfile.tempdir = before[1]


class Sweeper:
    """Deletes files of `folder` that are too old or, the oldest first, too many or too large.

    What lies there when it is made belongs to the page itself and stays; where somebody else deletes it, it
    is put back. A file's age is counted from when it was first seen as it is, by a clock that nobody can
    set. `forget` is called with the seconds after which results in memory shall go, too.
    """

    def __init__(self, folder: Path, *, limits: Limits, forget: Callable[[float], None]) -> None:
        self._folder, self._limits, self._forget = folder, limits, forget
        self._lock = threading.Lock()
        self._kept = {path: path.read_bytes() for path, _ in list_files(folder)}
        self._listed: dict[tuple[str, int], Sizes] = {}
        self._seen: dict[State, float] = {}

    def sweep(self) -> None:
        """Delete what is too much, and have the results in memory forgotten; look at every file anew."""
        with self._lock:
            self._listed.clear()
        self.make_room(0)
        self._forget(self._limits.kept_seconds)

    def make_room(self, coming: int) -> None:
        """Delete what is too much once `coming` bytes are there.

        Only folders in which a file has come or gone are listed again, since this is done for each upload.
        """
        with self._lock:
            self._put_back()
            now, found = time.monotonic(), self._find()
            self._seen = {file: self._seen.get(file, now) for file in found}
            left, count = sum(found.values()) + coming, len(found)
            for file in sorted(self._seen, key=self._seen.__getitem__):
                old = now - self._seen[file] >= self._limits.kept_seconds
                large = left > self._limits.temporary_megabytes * MEGABYTE
                if not (old or large or count > self._limits.temporary_files):
                    break
                if file[0] not in self._kept:
                    left, count = left - found[file], count - 1
                    self._remove(file[0])

    def run(self, stop: threading.Event) -> None:
        """Sweep every few seconds, until `stop`."""
        while not stop.wait(min(PERIOD, self._limits.kept_seconds / 4)):
            self.sweep()

    def _put_back(self) -> None:
        """Make the folders, and what the page shows in them, again where a cleaner of the system took it."""
        with suppress(OSError):  # the disk is full: the next time, perhaps
            for folder in (self._folder, Path(tempfile.gettempdir())):
                folder.mkdir(parents=True, exist_ok=True)
            for path, content in self._kept.items():
                if not path.exists():
                    with replace_file(path) as part:
                        part.write_bytes(content)

    def _find(self) -> Sizes:
        """Return all files; gradio puts each upload into a folder of its own."""
        states = list_states(self._folder)
        self._listed = {state: self._listed.get(state) or list_files(Path(state[0])) for state in states}
        return {file: size for sizes in self._listed.values() for file, size in sizes.items()}

    def _remove(self, path: Path) -> None:
        """Remove the file, and its folder if that was all in it."""
        with suppress(OSError):
            path.unlink(missing_ok=True)
            if path.parent != self._folder:
                path.parent.rmdir()


def list_states(folder: Path) -> list[tuple[str, int]]:
    """Return what lies in `folder`, with when it was last changed; nothing where there is no such folder."""
    states = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # deleted meanwhile
                states.append((entry.path, entry.stat().st_mtime_ns))
    return states


def list_files(place: Path) -> Sizes:
    """Return the files below `place`, or the one that it is, with the bytes that each takes of the disk."""
    inside = [Path(folder, name) for folder, _, names in os.walk(place) for name in names]
    sizes = {}
    for path in inside if place.is_dir() else [place]:
        with suppress(OSError):  # deleted meanwhile
            state = path.stat()
            sizes[path, state.st_mtime_ns] = max(state.st_size, BLOCK * state.st_blocks)
    return sizes
