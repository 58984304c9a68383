"""Going on and starting again: what differs is named, what moved is found, what was there stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.train.conftest import list_overrides
from tests.train.test_export import read_files
from tests.train.test_folder import load_config
from train.__main__ import main as train
from train.checkpoint import load_state
from train.recipe import load_recipe
from train.resume import resume_run, save_run
from train.run import Run

SHORT = ["model.depth=1", "model.embed_dim=16", "log=none", "max_steps=4"]


@pytest.fixture(autouse=True)
def unexported(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run ends with takes longer than these runs."""
    monkeypatch.setattr("train.__main__.finish", lambda run, better: None)


def list_saved(words: list[str], *, step: int = 2) -> Run:
    run = Run(load_recipe("cifar10_vit", words))
    run.step = step
    save_run(run)
    return run


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["optim.lr=0.5"], "optim.lr"),
        (["epochs=7", "model.mlp_ratio=3"], "model.mlp_ratio, epochs"),
        (["max_steps=3"], "max_steps"),
        (["model.prune={'prune_loc': [0]}"], "model.prune.prune_loc, model.prune.keep_ratio"),
    ],
)
def test_another_configuration_is_refused_by_its_keys(words: list[str], keys: str, tiny: list[str]) -> None:
    list_saved([*tiny, *SHORT])
    with pytest.raises(SystemExit, match=rf"^error: .*vit_cifar10 holds a run .*: {keys}$"):
        train(["--recipe", "cifar10_vit", "--resume", *tiny, *SHORT, *words])


def test_a_run_goes_on_with_its_pictures_in_another_place(
    data: Path, tiny: list[str], tmp_path: Path
) -> None:
    """And its log, and its export. Not with others under the same path."""
    list_saved([*tiny, *SHORT])
    copy = tmp_path / "moved" / "data"
    shutil.copytree(data, copy)
    moved = [*list_overrides(copy, tmp_path), *SHORT, "log=auto", f"out={tmp_path}", "data.workers=1"]
    again = Run(load_recipe("cifar10_vit", moved))
    resume_run(again)
    assert again.step == 2
    batch = copy / "cifar-10-batches-py" / "data_batch_1"
    batch.write_bytes((batch.parent / "data_batch_2").read_bytes())
    with pytest.raises(ValueError, match=r"another configuration: data \(other pictures\)$"):
        resume_run(Run(load_recipe("cifar10_vit", moved)))


@pytest.mark.parametrize("resident", ["true", "false"])
def test_a_folder_goes_on_where_its_files_are_the_same(resident: str, tree: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tree, copy, copy_function=shutil.copyfile)  # all with the time of now
    words = (f"data.resident={resident}", f"runs={tmp_path / 'runs'}", "data.workers=0")
    run = Run(load_config(tree, *words))
    save_run(run)
    resume_run(Run(load_config(copy, *words)))
    victim = copy / "train" / "bridge" / "03.png"
    size = Image.open(victim).size
    Image.new("RGB", size, "red").save(victim)
    with pytest.raises(ValueError, match="data"):
        resume_run(Run(load_config(copy, *words)))


def test_starting_again_keeps_the_state_before(tiny: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = [*tiny, *SHORT]
    folder = list_saved(words).config.run_dir
    (folder / "export").mkdir()
    (folder / "export" / "model.safetensors").write_bytes(b"of a finished run")
    (folder / "maps").mkdir()
    (folder / "maps" / "0001.webp").write_bytes(b"of its first epoch")
    files = read_files(folder)
    halves = [folder / ".tmp1234", folder / "state.safetensors.part"]
    for half in halves:
        half.write_bytes(b"of a run that was killed while saving")
    for number in (1, 2):
        train(["--recipe", "cifar10_vit", *words])
        assert f"{folder / f'before-{number}'} keeps the state" in capsys.readouterr().out
    assert read_files(folder / "before-1") == files
    assert not any(half.exists() for half in halves)
    assert not (folder / "export").exists()
    assert not (folder / "maps").exists()
    for kept, step in (("before-1", 2), ("before-2", 4), (".", 4)):
        state = load_state(folder / kept)
        assert state is not None
        assert state[1]["step"] == step


@pytest.mark.parametrize("longer", [["max_steps=6"], ["max_steps=0", "epochs=3"]])
def test_a_run_that_ended_can_be_made_longer(longer: list[str], tiny: list[str]) -> None:
    words = [*tiny, *SHORT]
    train(["--recipe", "cifar10_vit", *words])
    ended = load_state(load_recipe("cifar10_vit", words).run_dir)
    train(["--recipe", "cifar10_vit", "--resume", *words, *longer])
    run = Run(load_recipe("cifar10_vit", [*words, *longer]))
    state = load_state(run.config.run_dir)
    assert ended is not None
    assert state is not None
    assert (ended[1]["step"], state[1]["step"]) == (4, run.total)
    assert run.total > 4
    assert state[1]["seconds"] > ended[1]["seconds"]
    resume_run(run)  # the longer one is the run now
    with pytest.raises(ValueError, match="another configuration: "):
        resume_run(Run(load_recipe("cifar10_vit", words)))


def test_words_may_stand_anywhere(tiny: list[str]) -> None:
    words = [*tiny, *SHORT]
    first, *rest = words
    list_saved(words)
    train([first, "--resume", *rest[:3], "--recipe", "cifar10_vit", *rest[3:]])
    state = load_state(load_recipe("cifar10_vit", words).run_dir)
    assert state is not None
    assert state[1]["step"] == 4


def test_nothing_to_resume_and_a_damaged_state_are_said(tiny: list[str]) -> None:
    words = ["--recipe", "cifar10_vit", "--resume", *tiny, *SHORT]
    with pytest.raises(SystemExit, match=r"nothing to resume in .*vit_cifar10"):
        train(words)
    folder = list_saved([*tiny, *SHORT]).config.run_dir
    index, tensors = folder / "state.json", folder / "state-2.safetensors"
    whole, text = tensors.read_bytes(), index.read_text()
    for spoil in (
        lambda: tensors.write_bytes(whole[:1000]),
        lambda: tensors.unlink(),
        lambda: index.write_text(text[:50]),
        lambda: index.write_text("[]"),
        lambda: index.write_text("{}"),
    ):
        spoil()
        with pytest.raises(
            SystemExit, match=r"^error: .*state\.json does not lead to a whole state"
        ) as caught:
            train(words)
        assert "\n" not in str(caught.value)
    tensors.write_bytes(whole)
    index.write_text(json.dumps({"step": 2, "file": tensors.name}))  # as another version left it
    with pytest.raises(SystemExit, match="another configuration"):
        train(words)
