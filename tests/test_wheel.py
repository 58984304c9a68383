"""The wheel has all that its commands need, and works wherever it lies. `make wheel` tries it whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import PathDistribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
COMMANDS = {"vitdemo", "vitdemo-predict", "vitdemo-train"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel was unpacked."""
    folder = tmp_path_factory.mktemp("wheel")
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def list_files(folder: Path) -> set[str]:
    """Return the files in `folder` but for what running them leaves: compiled ones, and gradio's stubs."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".pyi"))
    return {path.relative_to(folder).as_posix() for path in paths}


def test_it_has_each_file_of_the_packages_and_of_the_weights(site: Path) -> None:
    assert list_files(site / "train") == list_files(ROOT / "train")
    assert list_files(site / "vitdemo" / "checkpoints") == list_files(ROOT / "checkpoints")
    code = {name for name in list_files(site / "vitdemo") if not name.startswith("checkpoints/")}
    assert code == list_files(ROOT / "vitdemo")
    assert {path.name for path in site.iterdir() if path.suffix != ".dist-info"} == {"train", "vitdemo"}


def test_it_brings_the_commands_and_asks_for_the_requirements(site: Path) -> None:
    (info,) = site.glob("*.dist-info")
    about = PathDistribution(info)
    assert {entry.name for entry in about.entry_points} == COMMANDS
    assert all(callable(entry.load()) for entry in about.entry_points)
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = {str(Requirement(line)) for line in lines if not line.startswith("#")}
    assert {str(Requirement(line)) for line in about.requires or ()} == wanted


def test_it_predicts_with_its_own_weights(site: Path, tmp_path: Path) -> None:
    picture, elsewhere = site / "vitdemo" / "examples" / "cat.webp", {**os.environ, "PYTHONPATH": str(site)}
    words = [sys.executable, "-m", "vitdemo.predict", str(picture), "--json"]
    done = subprocess.run(words, cwd=tmp_path, env=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (answer,) = json.loads(done.stdout)
    assert answer["source"] == "bundled"
    assert answer["dense"]["top"][0]["label"] == "cat"
