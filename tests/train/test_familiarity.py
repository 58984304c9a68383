"""Networks learn to tell unfamiliar pictures at the end of a run, and by a command of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from train.familiarity import auroc, percent
from train.familiarity import main as familiarity
from vitdemo.weights import load_model


def test_an_export_tells_familiar_pictures(dense: Path) -> None:
    assert load_model(str(dense)).familiarity is not None
    found = json.loads((dense / "metrics.json").read_text())["familiarity"]
    assert found["n"] == 100
    assert found["false_alarms"] < 25
    assert "False alarms: " in (dense / "README.md").read_text()


def test_the_command_fits_judges_and_writes_the_card(
    dense: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Familiar pictures have one colour each; the others are checkered."""
    folder, others = tmp_path / "net", tmp_path / "checkered"
    shutil.copytree(dense, folder)
    (folder / "familiarity.safetensors").unlink()
    others.mkdir()
    for number in range(8):
        board = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((4, 4)))[..., None] * [
            255,
            40 * number % 255,
            0,
        ]
        Image.fromarray(board.astype(np.uint8)).save(others / f"{number}.png")
    familiarity([str(folder), "--data", str(data), "--others", str(others)])
    judged = json.loads(capsys.readouterr().out)
    assert judged["others"]["checkered"]["n"] == 4  # the others had a say in the choice of the method
    assert judged["others"]["checkered"]["caught"] == 100
    assert judged["others"]["checkered"]["auroc"] > 0.9
    assert json.loads((folder / "metrics.json").read_text())["familiarity"] == judged
    assert "| checkered | 100.0 |" in (folder / "README.md").read_text()
    assert load_model(str(folder)).familiarity is not None


def test_measures_by_hand() -> None:
    assert auroc(torch.tensor([3.0, 1.0]), torch.tensor([0.0, 1.0, 2.0])) == pytest.approx(4.5 / 6)
    assert percent(torch.tensor([True, False, False])) == 33.33


def test_what_is_missing_is_named(dense: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"error: .*nowhere"):
        familiarity(["nowhere"])
    with pytest.raises(SystemExit, match=r"error: .*is missing"):
        familiarity([str(dense), "--data", str(tmp_path)])
