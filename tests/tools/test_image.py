"""What the Dockerfile puts into the image, by its own lines. `make image` runs all of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tools.try_image import ROOT, Image, is_ignored, list_copied, read_lines, run_line
from train.parcel import list_files
from train.shelf import list_checkpoints
from train.space import list_package
from vitdemo.serving.options import parse
from vitdemo.weights import BUNDLED

LINES = read_lines((ROOT / "Dockerfile").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
# A pip that notes what it is asked for, and what stands in the file of requirements.
PIP = """#!/bin/sh
echo "$@" >> asked
for word; do case $word in *.lock) cat $word > installed;; esac; done
"""


def test_it_has_what_a_space_has_and_no_more() -> None:
    sources = [part for name, rest in LINES if name == "COPY" for part in rest.split()[:-1]]
    copied = {path for source in sources for path in list_copied(source)}
    package = {path.relative_to(ROOT).as_posix() for path in list_package(ROOT / "vitdemo")}
    networks = [path for folder in list_checkpoints(BUNDLED).values() for path in list_files(folder)]
    needed = {path.relative_to(ROOT).as_posix() for path in networks}
    assert package <= copied
    assert needed <= copied
    rest = copied - package - needed - {"app.py", "LICENSE", "requirements.lock"}
    assert all(path.startswith("checkpoints/") for path in rest), "figures and cards"


@pytest.mark.parametrize(
    ("path", "kept_out"),
    [
        ("data/cifar-10-batches-py/test_batch", True),
        ("runs/mine/export/model.safetensors", True),
        ("tests/conftest.py", True),
        (".git/config", True),
        ("vitdemo/.env", True),
        ("vitdemo/ui/__pycache__/page.cpython-311.pyc", True),
        ("vitdemo/ui/page.pyi", True),
        ("vitdemo/ui/page.py", False),
        ("app.py", False),
    ],
)
def test_the_engine_is_told_what_to_leave_out(path: str, kept_out: bool) -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert is_ignored(path, [line for line in lines if line[0] != "#"]) is kept_out


@pytest.mark.parametrize("torch", ["cpu", "cuda"])
def test_all_comes_by_its_hash_but_torch_without_cuda(torch: str, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pip").write_text(PIP)
    (tmp_path / "bin" / "pip").chmod(0o755)
    (tmp_path / "tmp").mkdir()
    image = Image(tmp_path, tmp_path, {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "TORCH": torch})
    for name, rest in LINES[: LINES.index(("COPY", "app.py LICENSE ./"))]:
        run_line(image, name, rest)
    asked = (image.folder / "asked").read_text().splitlines()
    installed = (image.folder / "installed").read_text()
    assert "--require-hashes" in asked[0]
    packages, locked = (re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE) for text in (installed, LOCK))
    assert all(f"{line}\n" in LOCK for line in installed.splitlines())
    left = {name for name, _ in locked} - {name for name, _ in packages}
    if torch == "cuda":
        assert (left, len(asked)) == (set(), 1)
    else:
        assert {"torch", "torchvision", "triton", "nvidia-cublas"} <= left
        assert all(re.match(r"torch|triton|nvidia-|cuda-", name) for name in left)
        wanted = [f"{name}=={version}" for name, version in locked if name in ("torch", "torchvision")]
        assert asked[1].split()[-2:] == wanted
        assert "--index-url https://download.pytorch.org/whl/cpu" in asked[1]


@pytest.fixture
def made(tmp_path: Path) -> Image:
    image = Image(tmp_path, tmp_path, {})
    for name, rest in LINES:
        if name in ("USER", "CMD", "HEALTHCHECK"):
            run_line(image, name, rest)
    return image


def test_nobody_powerful_runs_the_app_on_every_network(made: Image) -> None:
    assert made.user > 0
    python, app, *words = made.command
    assert (python, app) == ("python", "app.py")
    options = parse(words)
    assert (options.host, options.port) == ("0.0.0.0", 7860)


@pytest.mark.parametrize("status", [200, 503])
def test_it_is_sound_once_the_app_is_ready(status: int, made: Image) -> None:
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request).start()
        words = [word.replace(":7860", f":{server.server_port}") for word in made.check]
        done = subprocess.run([sys.executable, *words[1:]], stderr=subprocess.DEVNULL)
    assert asked == ["/ready"]
    assert (done.returncode == 0) is (status == 200)
