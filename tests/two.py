"""Two processes that work together, as torchrun starts them; but one of them is this one, which has torch."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import timedelta
from typing import Any

import pytest

from tests.forked import Forked
from tests.ports import free_port
from vitdemo import processes


def run_in_two(first: Callable[[], object], second: Callable[..., object], *arguments: Any) -> str:
    """Return what `first` prints here as rank 0, and `second(*arguments)` as rank 1."""
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    other = Forked(second, *arguments, environment=group | {"RANK": "1"})
    try:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
            patch.setattr(processes, "PATIENCE", timedelta(minutes=5))
            for name, value in (group | {"RANK": "0"}).items():
                patch.setenv(name, value)
            first()
        ended = other.wait()
    finally:
        other.process.kill()
    assert ended == 0, other.read("stderr")
    return printed.getvalue() + other.read("stdout")
