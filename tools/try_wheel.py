"""`make wheel`: build the wheel, install it into an empty environment, and use each command that it brings.

It needs the network, some GB of disk and some minutes, because torch is installed anew.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import venv
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PICTURE = ROOT / "vitdemo" / "examples" / "cat.webp"
SECONDS = 120  # for the app to answer, and to end


def build() -> Path:
    """Build the wheel into `dist/` and return its path."""
    for old in DIST.glob("*.whl"):
        old.unlink()
    words = ["-m", "pip", "wheel", "--disable-pip-version-check", "--no-deps", "--wheel-dir", DIST, ROOT]
    subprocess.run([sys.executable, *words], check=True)
    (wheel,) = DIST.glob("*.whl")
    return wheel


def run_command(*words: str | Path, cwd: Path) -> str:
    """Return what the command prints; raise CalledProcessError if it fails."""
    print("$", *words, flush=True)
    return subprocess.run(words, cwd=cwd, check=True, stdout=subprocess.PIPE, text=True).stdout


def is_healthy(port: int) -> bool:
    """Return whether the app answers /health."""
    with suppress(OSError, HTTPException):
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


def serve(command: Path, *, cwd: Path) -> None:
    """Start the app, wait until it is healthy, and stop it; raise RuntimeError if any of it fails."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [command, "--port", str(port)]
    print("$", *words, flush=True)
    app = subprocess.Popen(words, cwd=cwd)
    try:
        end = time.monotonic() + SECONDS
        while not is_healthy(port) and app.poll() is None and time.monotonic() < end:
            time.sleep(1)
        healthy = is_healthy(port)
        app.send_signal(signal.SIGTERM)
        if app.wait(SECONDS) or not healthy:
            raise RuntimeError(f"healthy: {healthy}; exit status {app.returncode}")
    finally:
        app.kill()


def main() -> None:
    wheel = build()
    with TemporaryDirectory() as name:
        home = Path(name)
        venv.create(home / "venv", with_pip=True)
        commands = home / "venv" / "bin"
        run_command(commands / "pip", "install", "--disable-pip-version-check", wheel, cwd=home)
        run_command(commands / "vitdemo", "--help", cwd=home)
        serve(commands / "vitdemo", cwd=home)
        (answer,) = json.loads(run_command(commands / "vitdemo-predict", PICTURE, "--json", cwd=home))
        found = answer["dense"]["top"][0]["label"]
        if found != "cat":
            raise RuntimeError(f"a cat is taken for {found}")
        run_command(commands / "vitdemo-train", "--recipe", "cifar10_vit", "--dry-run", cwd=home)
    print(f"{wheel} works.")


if __name__ == "__main__":
    main()
