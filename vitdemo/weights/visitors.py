"""What visitors have had fetched from the Hub: a cache apart from the owner's, bounded on the disk."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vitdemo.limits import MEGABYTE
from vitdemo.message import Message
from vitdemo.weights import hub
from vitdemo.weights.reading import LARGEST_JSON
from vitdemo.weights.records import WeightsError

# Bytes of all but the weights: a config, a preprocessor and an index of shards, of a network and of its base.
DESCRIBED = 6 * LARGEST_JSON
BLOCK = 512  # bytes, in which a system counts what a file takes
LEAST = 2**16  # bytes that a file or a folder counts at least, so that their number is bounded as well


@dataclass
class Held:
    """A folder in use: by how many, and the bytes that it may come to take."""

    users: int
    room: int


class VisitorCache:
    """Caches of the Hub's client, one a repository, that take up to `megabytes` of the disk together.

    Whatever was least recently used makes room. What lies there counts, whichever run of the program has
    fetched it. What the owner of the machine has cached lies elsewhere: no visitor gets it, and nothing here
    removes it.
    """

    def __init__(self, megabytes: int) -> None:
        self._limit = megabytes * MEGABYTE
        self._lock = threading.Lock()
        self._held: dict[Path, Held] = {}

    @contextmanager
    def hold(self, name: str, nbytes: int) -> Iterator[Path]:
        """Give the `cache_dir` of the network `name`, `hf-hub:owner/repo[@revision]`, which stays meanwhile.

        There is room for `nbytes` more. Raise WeightsError where those that others use now leave none.
        """
        repo = hub.read_address(name).repo
        folder = find_home() / repo.replace("/", "--")
        with self._lock:
            room = self._make_room(folder, nbytes, repo=repo)
            users = self._held[folder].users if folder in self._held else 0
            self._held[folder] = Held(users + 1, room)
        try:
            touch(folder)
            yield folder
        finally:
            touch(folder)
            with self._lock:
                self._held[folder].users -= 1
                if not self._held[folder].users:
                    del self._held[folder]

    def _make_room(self, folder: Path, nbytes: int, *, repo: str) -> int:
        """Return the bytes that `folder` may come to take; the caller holds the lock."""
        home = find_home()
        sizes = {one: measure(one) for one in (home.iterdir() if home.is_dir() else ())}
        for one, held in self._held.items():
            sizes[one] = max(sizes.get(one, 0), held.room)
        idle = sorted(sizes.keys() - self._held.keys(), key=lambda one: (one == folder, find_used(one)))
        if sum(sizes[one] for one in self._held) + nbytes > self._limit:
            idle = []  # nothing is removed in vain
        while idle and sum(sizes.values()) + nbytes > self._limit:
            one = idle.pop(0)
            shutil.rmtree(one, ignore_errors=True)
            sizes[one] = measure(one)
        if sum(sizes.values()) + nbytes > self._limit:
            raise WeightsError(
                Message(
                    "There is no room now for {repo}: networks that visitors name get {limit} MB of the disk "
                    "together. Try again later, or choose one that is in the menu",
                    repo=repo,
                    limit=f"{self._limit / MEGABYTE:,.0f}",
                )
            )
        return sizes.get(folder, 0) + nbytes


def find_home() -> Path:
    """Return the folder of all these caches, where the Hub's client has what other libraries keep."""
    from huggingface_hub import constants

    return Path(constants.HF_ASSETS_CACHE, "vitdemo", "visitors")


def measure(folder: Path) -> int:
    """Return the bytes of the disk that a folder takes; 0 where there is none."""
    total = 0
    for place, _, files in os.walk(folder):
        for path in (place, *(Path(place, file) for file in files)):
            with suppress(OSError):  # deleted meanwhile
                state = os.lstat(path)
                total += max(state.st_size, BLOCK * state.st_blocks, LEAST)
    return total


def touch(folder: Path) -> None:
    """Note that a folder is used now, if it is there."""
    with suppress(OSError):
        os.utime(folder)


def find_used(folder: Path) -> float:
    """Return when a folder was last used, in seconds; 0 where it has gone."""
    with suppress(OSError):
        return folder.stat().st_mtime
    return 0.0
