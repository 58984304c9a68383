"""New processes that need not import torch and the trainer, which takes Python five seconds.

One process does so, and is forked for each that is asked for. It checks no shapes, unlike the tests' own.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
METHOD = "forkserver"
CONTEXT = get_context(METHOD)
CONTEXT.set_forkserver_preload(["pytest.__main__", "train.__main__"])


@contextmanager
def at_root() -> Iterator[None]:
    """Be in the repository's root, from where new processes import."""
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        yield
    finally:
        os.chdir(before)


class Forked:
    """A process in the repository's root that calls `function(*arguments)`."""

    def __init__(
        self, function: Callable[..., object], *arguments: Any, environment: Mapping[str, str] | None = None
    ) -> None:
        """Begin. The function must be one of a module; `environment` adds to what all of them have."""
        self.folder = tempfile.TemporaryDirectory()
        told = (Path(self.folder.name), dict(environment or {}), function, arguments)
        self.process = CONTEXT.Process(target=call, args=told)
        with at_root():
            self.process.start()

    def wait(self, seconds: float = 300) -> int | None:
        """Return its exit status; None where it is still at work after so many seconds."""
        self.process.join(seconds)
        return self.process.exitcode

    def read(self, name: str) -> str:
        """Return what it has written so far to its "stdout" or "stderr"."""
        return Path(self.folder.name, name).read_text(encoding="utf-8")


def call(
    folder: Path, environment: dict[str, str], function: Callable[..., object], arguments: tuple[Any, ...]
) -> None:
    """Do in the new process what `Forked` promises."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        with (folder / name).open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.update(environment)
    function(*arguments)
