"""`python app.py` in a process of its own, to be told to stop, or killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.browser.server import ROOT, START_SECONDS
from tests.ports import free_port


@dataclass
class App:
    process: subprocess.Popen[str]
    url: str

    def ended(self, number: int) -> tuple[int, float, str]:
        """Return (exit status, seconds that it took, what it wrote on stderr) after this signal."""
        began = time.monotonic()
        self.process.send_signal(number)
        _, words = self.process.communicate(timeout=600)
        return self.process.returncode, time.monotonic() - began, words


def start(*words: str, temporary: Path, **environment: str) -> subprocess.Popen[str]:
    apart = {"HF_HUB_OFFLINE": "1", "GRADIO_TEMP_DIR": str(temporary)}
    return subprocess.Popen(
        [sys.executable, "app.py", "--device", "cpu", *words],
        cwd=ROOT,
        env={**os.environ, **apart, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def run_app(*words: str, temporary: Path, **environment: str) -> Iterator[App]:
    """It answers, and is killed in the end if nobody has stopped it."""
    port = free_port()
    process = start("--port", str(port), *words, temporary=temporary, **environment)
    app, deadline = App(process, f"http://127.0.0.1:{port}/"), time.monotonic() + START_SECONDS
    try:
        while not is_ready(app.url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"app.py did not start:\n{process.communicate()[1]}")
            time.sleep(0.2)
        yield app
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def read_refusal(*words: str, temporary: Path, **environment: str) -> tuple[int, str]:
    """Return (exit status, stderr) of an app that cannot start."""
    process = start(*words, temporary=temporary, **environment)
    _, said = process.communicate(timeout=60)
    return process.returncode, said
