"""A run exports into its own folder; what stands elsewhere makes way when asked, and for a better one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from tests.train.conftest import list_overrides
from tests.train.test_failures import limit_files
from train.__main__ import main as train
from train.evaluate import main as evaluate
from train.export import check_place, finish
from train.parcel import list_files
from train.recipe import load_recipe
from train.report import main as report
from train.run import Run
from vitdemo.files import lock_folder, replace_folder
from vitdemo.models import build_model
from vitdemo.registry import FAMILIES
from vitdemo.weights import load_model, save_model

ROOT = Path(__file__).parents[2]
SHORT = ["epochs=1", "max_steps=2"]


def read_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_steps_of_a_bundled_recipe_leave_every_bundled_byte(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    before = read_files(ROOT / "checkpoints")
    assert "vit_cifar10/model.safetensors" in before
    train(["--recipe", "cifar10_vit", *tiny, *SHORT])
    assert read_files(ROOT / "checkpoints") == before
    with pytest.raises(SystemExit, match=r"^error: out=checkpoints holds vit_cifar10 already: --replace"):
        train(["--recipe", "cifar10_vit", *tiny, *SHORT, "out=checkpoints"])
    assert read_files(ROOT / "checkpoints") == before


def test_an_own_run_has_its_name_and_every_command_takes_its_export(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--recipe", "cifar10_vit", *list_overrides(data, tmp_path), *SHORT]
    train([*words, "name=my_vit"])
    folder = tmp_path / "runs" / "my_vit" / "export"
    assert {path.name for path in list_files(folder)} >= {"README.md", "metrics.json", "curves.png"}
    card = (folder / "README.md").read_text()
    assert f"# my_vit\n\n{FAMILIES['vit'][1]} 32 wide" in card
    evaluate([str(folder), "--data", str(data), "--json", "--limit", "10"])
    report(["--checkpoints", str(tmp_path / "runs")])
    assert "[my_vit]" in capsys.readouterr().out
    (folder / "README.md").write_text("")
    report(["--checkpoints", str(tmp_path / "runs"), "--redraw"])
    assert (folder / "README.md").read_text() == card

    own = load_model(str(folder)).model.state_dict()
    run = Run(load_recipe("cifar10_lightvit", [*words[2:], "init_from=my_vit"]))
    assert all(torch.equal(value, own[key]) for key, value in run.learner.model.state_dict().items())


def write_random(folder: Path, dense: Path) -> None:
    """A network like `dense` that has learned nothing."""
    spec, classes = load_model(str(dense)).spec, load_model(str(dense)).classes
    save_model(folder, model=build_model(spec.config), name="old", data=spec.data, classes=classes)
    (folder / "metrics.json").write_text('{"accuracy": 99.0}')  # a claim; the weights are what is measured
    (folder / "old.png").write_bytes(b"a figure")


def test_a_standing_network_makes_way_for_a_better_one_as_a_whole(
    tiny: list[str], dense: Path, tmp_path: Path
) -> None:
    """The new run is the dense network again, two steps further at a rate that changes little."""
    place = tmp_path / "shelf" / "vit_cifar10"
    write_random(place, dense)
    slow = ["optim.lr=1e-9", "optim.muon_lr=1e-9"]
    words = ["--recipe", "cifar10_vit", *tiny, *SHORT, f"init_from={dense}", *slow]
    out = [f"out={tmp_path / 'shelf'}"]
    with pytest.raises(SystemExit, match="--replace"):
        train([*words, *out])
    assert not (tmp_path / "runs").exists()  # refused before anything ran
    train([*words, *out, "--replace"])
    assert read_files(place) == read_files(tmp_path / "runs" / "vit_cifar10" / "export")
    assert json.loads((place / "metrics.json").read_text())["accuracy"] > 60
    assert [path.name for path in place.parent.iterdir()] == ["vit_cifar10"]

    kept = read_files(place)
    with pytest.raises(SystemExit, match=r"stays: (\S+) % .* against \1 % of this run, whose export is in"):
        train([*words, *out, "--replace"])  # as good is not better
    assert read_files(place) == kept
    train([*words, f"out={tmp_path / 'other'}"])  # nothing stands there
    assert read_files(tmp_path / "other" / "vit_cifar10").keys() == kept.keys()


def test_what_cannot_be_compared_is_not_replaced(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--recipe", "cifar10_vit", *tiny, "--replace"]
    with pytest.raises(SystemExit, match="--replace needs out=FOLDER"):
        train(words)
    with pytest.raises(SystemExit, match=r"vit_imagenette knows dataset 'imagenette'"):
        train([*words, f"out={ROOT / 'checkpoints'}", "name=vit_imagenette"])
    shutil.copytree(ROOT / "checkpoints" / "vit_imagenette", tmp_path / "here" / "vit_cifar10")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(SystemExit, match=r"^error: vit_cifar10 knows dataset 'imagenette'"):
        train([*words, "out=."])  # the folder, not the bundled network of that name
    (tmp_path / "shelf" / "vit_cifar10").mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"has no config\.json"):
        train([*words, f"out={tmp_path / 'shelf'}"])
    (tmp_path / "shelf" / "notes").write_text("mine")
    config = load_recipe("cifar10_vit", [f"runs={tmp_path}", f"out={tmp_path / 'shelf'}", "name=notes"])
    for better in (False, True):
        with pytest.raises(ValueError, match=r"holds notes already, which has no config\.json"):
            check_place(config, better=better)


def test_what_would_fail_at_the_end_is_told_before_the_run(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that cannot be written, and a folder where another run of the same name is at work."""
    monkeypatch.setattr("train.__main__.fit", pytest.fail)
    words = ["--recipe", "cifar10_vit", *tiny, *SHORT]
    place = tmp_path / "file" / "out"
    place.parent.touch()
    with pytest.raises(SystemExit, match=f"^error: cannot write {re.escape(str(place))}: Not a directory$"):
        train([*words, f"out={place}"])
    folder = load_recipe("cifar10_vit", [*tiny, *SHORT]).run_dir
    with (
        lock_folder(folder),
        pytest.raises(SystemExit, match=f"^error: another process is at work in {re.escape(str(folder))};"),
    ):
        train(words)


@pytest.mark.parametrize("full", ["model.safetensors", "per_class.png"])
def test_an_export_that_fails_leaves_the_one_before(full: str, tiny: list[str]) -> None:
    """The disk fills at the weights, or after them at a figure."""
    run = Run(load_recipe("cifar10_vit", [*tiny, *SHORT, "model.depth=1"]))
    run.history.append({"epoch": 1, "step": 2, "val": 10.0, "seconds": 0, "cross_entropy": 2.3})
    finish(run)
    kept = read_files(run.config.export_dir)
    run.history[0]["val"] = 99.0
    with (
        limit_files(len(kept[full]) - 1),
        pytest.raises(OSError, match=r"^cannot write .*vit_cifar10/export/"),
    ):
        finish(run)
    assert read_files(run.config.export_dir) == kept
    assert not list(run.config.run_dir.glob(".export*"))


def test_a_replacement_that_was_killed_is_put_right_by_the_next(tmp_path: Path) -> None:
    folder, part, old = (tmp_path / name for name in ("x", ".x.vitdemo-part", ".x.vitdemo-old"))
    for half in (part, old):  # killed between the two renames: the new one waits, the old is aside
        half.mkdir()
    (old / "card").write_text("old")
    with replace_folder(folder) as new:
        assert (folder / "card").read_text() == "old"
        assert list(new.iterdir()) == []
        (new / "card").write_text("newer")
    assert (folder / "card").read_text() == "newer"
    old.mkdir()  # killed after both: what is aside is of no use
    with replace_folder(folder) as new:
        (new / "card").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (folder / "card").read_text() == "new"


def test_a_replacement_leaves_what_stands_beside_it_and_follows_links(tmp_path: Path) -> None:
    """A user's own copy was deleted, and a linked folder ended in a bare error of the system."""
    for name in ("x", "x.old", "x.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card").write_text(name)
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with replace_folder(tmp_path / "link") as new:
        (new / "card").write_text("new")
    assert {path.name for path in tmp_path.iterdir()} == {"x", "x.old", "x.part", "link"}
    cards = [(tmp_path / name / "card").read_text() for name in ("x", "x.old", "x.part", "link")]
    assert cards == ["new", "x.old", "x.part", "new"]


def test_networks_are_no_place_for_runs_and_a_killed_exchange_counts_as_standing(tmp_path: Path) -> None:
    config = load_recipe("cifar10_vit", [f"runs={tmp_path}"])
    (tmp_path / "vit_cifar10").mkdir()
    (tmp_path / "vit_cifar10" / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=r"^runs=.* holds the network vit_cifar10"):
        check_place(config, better=False)
    standing = tmp_path / "out" / ".vit_cifar10.vitdemo-old"  # moved aside, and then the power went
    standing.mkdir(parents=True)
    config = load_recipe("cifar10_vit", [f"runs={tmp_path / 'runs'}", f"out={tmp_path / 'out'}"])
    with pytest.raises(ValueError, match="holds vit_cifar10 already"):
        check_place(config, better=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["vit_cifar10"]
