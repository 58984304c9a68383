"""How long the app takes to its first answer, and how much memory: `python -m tools.cold_start`.

Run it where nothing else runs, in an environment with what requirements.txt asks for and no more.
"""

from __future__ import annotations

import os
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
TIMES = 3
PATIENCE = 300  # seconds
PICTURE = ROOT / "vitdemo" / "examples" / "chelsea.webp"


@dataclass(frozen=True)
class Start:
    """Seconds until the page is there with an example, and until a visitor's own picture is answered; MB."""

    page: float
    answer: float
    peak: float


def measure(words: Sequence[str], *, url: str, check: Callable[[], object] = int, **how: Any) -> Start:
    """Start the app by `words`, ask it one question, `check` it and stop it. `how`: of Popen.

    Raise RuntimeError where it does not answer, or does not end well.
    """
    began = time.monotonic()
    app = subprocess.Popen(words, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **how)
    try:
        while not is_there(url):
            if app.poll() is not None or time.monotonic() - began > PATIENCE:
                raise RuntimeError(f"it does not start: {words}")
            time.sleep(0.05)
        page = time.monotonic() - began
        found = ask(url)
        answer, peak = time.monotonic() - began, read_peak(app.pid)
        print(f"  page {page:.1f} s, answer {answer:.1f} s ({found}), peak memory {peak:.0f} MB", flush=True)
        check()
        app.send_signal(signal.SIGTERM)
        if status := app.wait(PATIENCE):
            raise RuntimeError(f"it ended with {status}")
        return Start(page, answer, peak)
    finally:
        app.kill()


def is_there(url: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, timeout=30).status_code == 200
    return False


def ask(url: str) -> str:
    """Upload a photograph and return what the app says that it shows."""
    (path,) = post(f"{url}gradio_api/upload", files={"files": ("a.webp", PICTURE.read_bytes())})
    values = [{"path": path, "meta": {"_type": "gradio.FileData"}}, "", 0.3, "", ""]
    job = post(f"{url}gradio_api/call/analyse", json={"data": values})
    told = httpx.get(f"{url}gradio_api/call/analyse/{job['event_id']}", timeout=PATIENCE).text
    label = re.search(r'"labels": {"([^"]+)"', told)
    if label is None:
        raise RuntimeError(f"no answer: {told[-300:]}")
    return label[1]


def post(url: str, **body: Any) -> Any:
    return httpx.post(url, timeout=PATIENCE, **body).raise_for_status().json()


def read_peak(process: int) -> float:
    """Return the most memory that the process has had, in MB of a million bytes."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024 / 1e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def report(starts: Sequence[Start]) -> None:
    """Print the medians, with the smallest and the largest."""
    for name in ("page", "answer", "peak"):
        values = [getattr(start, name) for start in starts]
        unit = "MB" if name == "peak" else "s"
        spread = f"{min(values):.1f} to {max(values):.1f}, n = {len(values)}"
        print(f"{name}: {statistics.median(values):.1f} {unit} ({spread})")
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


def main() -> None:
    starts = []
    for _ in range(TIMES):
        port = free_port()
        words = [sys.executable, "app.py", "--port", str(port)]
        starts.append(measure(words, url=f"http://127.0.0.1:{port}/", cwd=ROOT))
    report(starts)


if __name__ == "__main__":
    main()
