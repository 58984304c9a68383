"""Two processes that work together, as torchrun starts them; but one of them is this one, which has torch."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest

from tests.browser.server import free_port
from vitdemo import processes

ROOT = Path(__file__).parents[1]


def run_in_two(first: Callable[[], object], *, program: str, arguments: Sequence[str]) -> str:
    """Return what `first` prints here as rank 0, and `program` with `arguments` as rank 1."""
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    second = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env=os.environ | group | {"RANK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as printed:
            patch.setattr(processes, "PATIENCE", timedelta(minutes=5))
            for name, value in (group | {"RANK": "0"}).items():
                patch.setenv(name, value)
            first()
        also, errors = second.communicate(timeout=300)
    finally:
        second.kill()
    assert second.returncode == 0, errors
    return printed.getvalue() + also
