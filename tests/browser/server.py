"""The real app in a process of its own, started once for all tests that need it; or its page in this one."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.ports import free_port
from vitdemo.engine import Engine
from vitdemo.limits import DEFAULTS, Limits
from vitdemo.registry import MODELS
from vitdemo.serving.options import Options
from vitdemo.serving.server import launch
from vitdemo.ui import build
from vitdemo.ui.kit.opening import First

ROOT = Path(__file__).parents[2]
MODEL = "dynamicvit_cifar10"
START_SECONDS = 300  # a busy machine imports torch slowly


@cache
def quick_models() -> Path:
    """Return a folder of links to all bundled networks but that of photographs.

    Its passes take ten times as long. A page over the folder opens with `MODEL`.
    """
    folder = Path(tempfile.mkdtemp(prefix="vitdemo-models-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for bundled in (ROOT / "checkpoints").iterdir():
        if bundled.name != MODELS["dynamicvit_photo"].folder:
            (folder / bundled.name).symlink_to(bundled)
    return folder


@contextmanager
def serve_page(
    engine: Engine, *, first: First | None = None, limits: Limits = DEFAULTS, origins: tuple[str, ...] = ()
) -> Iterator[str]:
    """Return the address of the page over `engine`, in this process, so that a test can look behind it."""
    page = build(engine, first=first, limits=limits)
    launch(page, Options(host="127.0.0.1", port=free_port(), limits=limits, origins=origins))
    yield str(page.local_url)
    page.close()


@cache
def find_app(models: Path | None = None) -> str:
    """Return the address of `python app.py` over `models`, by default `quick_models`.

    The app stops with this process. Fail with the app's own output.
    """
    files = tempfile.mkdtemp(prefix="gradio-", dir=os.environ.get("GRADIO_TEMP_DIR"))
    app, url = start_app(files, "--models-dir", str(models or quick_models()))
    atexit.register(stop, app)
    return url


def start_app(files: str, *options: str, **environment: str) -> tuple[subprocess.Popen[bytes], str]:
    """`python app.py` with `options`, `files` its temporary folder; and its address, once it answers."""
    port = free_port()
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - open as long as the app
    words = [sys.executable, "app.py", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    apart = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "GRADIO_TEMP_DIR": files, **environment}
    app = subprocess.Popen(
        [*words, *options], cwd=ROOT, env={**os.environ, **apart}, stdout=log, stderr=subprocess.STDOUT
    )
    url, deadline = f"http://127.0.0.1:{port}/", time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and app.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return app, url
        except OSError:
            time.sleep(0.3)
    stop(app)
    log.seek(0)
    raise RuntimeError(f"app.py did not start:\n{log.read()}")


def stop(app: subprocess.Popen[bytes]) -> None:
    app.terminate()
    try:
        app.wait(timeout=20)
    except subprocess.TimeoutExpired:
        app.kill()
