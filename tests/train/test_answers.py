"""A teacher's stored answers: used for the same question, and asked again for any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.train.test_folder import load_config
from train import teacher
from train.resnet import ResNet9, ResNetConfig
from train.run import Run
from train.teacher import ANSWERS, load_teacher, save_teacher


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures the teacher was asked about, one entry each time."""
    counts: list[int] = []
    ask = teacher.ask_all
    monkeypatch.setattr(teacher, "ask_all", lambda net, split: counts.append(len(split)) or ask(net, split))
    return counts


def make_teacher(folder: Path, seed: int) -> None:
    torch.manual_seed(seed)
    model = ResNet9(ResNetConfig(num_classes=3, widths=(4, 8, 8, 8))).eval()
    save_teacher(folder / "wise", model=model, accuracy=0.0, seconds=0.0)


@pytest.mark.parametrize("resident", ["true", "false"])
def test_answers_are_those_to_the_present_question(
    resident: str, tree: Path, tmp_path: Path, asked: list[int]
) -> None:
    data, moved, runs = (tmp_path / name for name in ("data", "moved", "runs"))
    shutil.copytree(tree, data)
    make_teacher(runs, seed=1)

    def check(folder: Path, *words: str) -> None:
        """A student's answers are the network's own about the pictures that are there now."""
        places = (f"runs={runs}", "distil.teacher=wise", "distil.weight=0.5", f"data.resident={resident}")
        run = Run(load_config(folder, *places, *words))
        network, split = load_teacher(runs / "wise")[0], run.splits["train"]
        assert isinstance(run.learner.teacher, teacher.Cached)
        with torch.no_grad():
            wanted = network(split.normalise(split.fetch(slice(None)))).softmax(dim=-1)
        torch.testing.assert_close(run.learner.teacher.probabilities[0], wanted)

    def replace_pictures() -> None:
        """12 of 27, under their names and in their sizes, without a look at the clock."""
        for path in sorted((data / "train").rglob("*.png"))[::2][:12]:
            Image.new("RGB", Image.open(path).size, "blue").save(path)

    steps = [
        (lambda: None, data, (), 1),
        (lambda: None, data, ("batch_size=5", "optim.lr=0.1"), 0),  # the same question
        (lambda: shutil.copytree(data, moved, copy_function=shutil.copyfile), moved, (), 0),
        (replace_pictures, data, (), 1),
        (lambda: None, data, ("model.img_size=36",), 1),
        (lambda: make_teacher(runs, seed=2), data, ("model.img_size=36",), 1),
        (lambda: None, data, ("model.img_size=36",), 0),
        (lambda: (runs / "wise" / ANSWERS).write_bytes(b"half"), data, ("model.img_size=36",), 1),
    ]
    for number, (change, folder, words, count) in enumerate(steps):
        change()
        asked.clear()
        check(folder, *words)
        assert asked == [27] * count, number
