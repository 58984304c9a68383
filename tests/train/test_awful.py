"""Awful data sets: trained on, gone on with, evaluated and predicted from, or refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.train.awful import KINDS, write
from tests.train.test_folder import TINY
from train.__main__ import main as train
from train.checkpoint import load_state
from train.evaluate import main as evaluate
from train.recipe import load_recipe
from train.resume import save_run
from train.run import Run
from vitdemo.data import preprocess
from vitdemo.datasets import load_folder
from vitdemo.decode import decode
from vitdemo.engine.samples import random_sample
from vitdemo.faithfulness.study import run_study
from vitdemo.predict import main as predict
from vitdemo.weights import load_model

SOUND = [name for name, awful in KINDS.items() if not awful.words]
ON_DISK = ("links", "alpha", "Chinese")  # read by a worker at each step; the others once, into memory


def list_words(name: str, tmp_path: Path) -> list[str]:
    data = write(tmp_path / "data", KINDS[name])
    places = [f"data.folder={data}", f"runs={tmp_path / 'runs'}", "name=own"]
    small = ["batch_size=4", "max_steps=2", "epochs=2", "model.embed_dim=16", "model.depth=1"]
    resident = f"data.resident={str(name not in ON_DISK).lower()}"
    return [*TINY, *places, *small, resident, "data.workers=0", f"model.num_classes={len(KINDS[name].names)}"]


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_part_of_an_awful_data_set_is_used(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, awful = list_words(name, tmp_path), KINDS[name]
    photos = load_folder(tmp_path / "data", "train")
    assert (photos.classes, len(photos)) == (tuple(sorted(awful.names)), awful.pictures)
    run = Run(load_recipe("cifar10_vit", words))
    run.train_step(torch.arange(4))
    run.step = 1
    save_run(run)
    train(["--recipe", "cifar10_vit", *words, "--resume"])
    state = load_state(tmp_path / "runs" / "own")
    assert state is not None
    assert state[1]["step"] == 2
    folder = tmp_path / "runs" / "own" / "export"
    capsys.readouterr()
    evaluate([str(folder), "--data", str(tmp_path / "data"), "--json"])
    judged = json.loads(capsys.readouterr().out)
    paths = sorted((tmp_path / "data" / "test").rglob("*.png"))
    loaded, hits = load_model(str(folder)), 0
    for path in paths:  # as a visitor's upload is seen
        answer = loaded.model(preprocess(decode(path), config=loaded.spec.data).pixels).argmax()
        hits += loaded.classes[int(answer)] == path.parent.name
    assert judged["n"] == len(paths) == 2 * len(awful.names)
    assert judged["accuracy"] == pytest.approx(100 * hits / len(paths), abs=0.01)
    assert predict([str(paths[0]), "--model", str(folder), "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert {row["label"] for row in told["dense"]["top"]} == set(awful.names)
    sample = random_sample(tmp_path / "data", dataset="a folder of pictures")
    assert sample.label in awful.names
    assert run_study(loaded, tmp_path / "data", n=1).n == 1


@pytest.mark.parametrize("resident", ["true", "false"])
@pytest.mark.parametrize("name", sorted(KINDS.keys() - set(SOUND)))
def test_a_data_set_that_cannot_be_used_is_one_sentence(name: str, resident: str, tmp_path: Path) -> None:
    words = [*list_words(name, tmp_path), f"data.resident={resident}"]
    with pytest.raises(SystemExit, match=rf"^error: .*{KINDS[name].words}") as caught:
        train(["--recipe", "cifar10_vit", *words, "batch_size=12"])
    assert "\n" not in str(caught.value)
    assert "Errno" not in str(caught.value)
    assert not (tmp_path / "runs" / "own" / "export").exists()
