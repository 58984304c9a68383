"""A table that was stopped goes on from its parts: of the same pictures, and of files that are ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import vitdemo
from tests.library.conftest import FILES, NAMES, draw_folder
from vitdemo.engine import Said
from vitdemo.library import folder as folders
from vitdemo.library.folder import predict_folder

pytestmark = pytest.mark.usefixtures("small_batches")


def stop_at(batch: int, network: vitdemo.Network, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stop the run once, at its `batch`-th. Return the names of each batch, as they are asked for."""
    asked: list[list[str]] = []
    answer = network.answer

    def answer_or_stop(files: Sequence[Path], **options: Any) -> list[Said]:
        if files:  # without any, only the options are checked
            asked.append([path.name for path in files])
            if len(asked) == batch:
                raise KeyboardInterrupt
        return answer(files, **options)

    monkeypatch.setattr(network, "answer", answer_or_stop)
    return asked


def test_a_run_that_was_stopped_goes_on(
    photos: Path, network: vitdemo.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = stop_at(3, network, monkeypatch)
    out = tmp_path / "t.csv"
    with pytest.raises(KeyboardInterrupt):
        predict_folder(photos, out, model=network)
    assert not out.exists()
    with pytest.raises(ValueError, match=r"t\.csv\.parts was begun with other settings"):
        predict_folder(photos, out, model=network, pruning_ratio=0.5)
    rows = predict_folder(photos, out, model=network)
    names = [path.rpartition("/")[2] for path in FILES]
    assert [name for batch in asked[:2] for name in batch] == names[:4]
    assert [name for batch in asked[3:] for name in batch] == names[4:], "what was done is not done again"
    assert rows == predict_folder(photos, tmp_path / "other.csv", model=network)


def test_parts_of_other_pictures_are_not_used(
    network: vitdemo.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = draw_folder(tmp_path / "one", NAMES), draw_folder(tmp_path / "two", NAMES, seed=9)
    assert [path.stat().st_size for path in one.iterdir()] == [path.stat().st_size for path in two.iterdir()]
    out = tmp_path / "t.csv"
    stop_at(2, network, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        predict_folder(one, out, model=network)
    rows = predict_folder(two, out, model=network)
    assert rows == predict_folder(two, tmp_path / "fresh.csv", model=network)
    assert rows != predict_folder(one, tmp_path / "one.csv", model=network)


def test_a_picture_that_changed_after_the_stop_is_asked_again(
    network: vitdemo.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = draw_folder(tmp_path / "one", NAMES)
    out = tmp_path / "t.csv"
    asked = stop_at(2, network, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        predict_folder(home, out, model=network)
    draw_folder(home, NAMES[:1], seed=9)
    moved = home.rename(tmp_path / "moved")
    rows = predict_folder(moved, out, model=network)
    assert [name for batch in asked[2:] for name in batch] == ["a.bmp", "c.bmp", "d.bmp"], "b is as it was"
    for row, other in zip(rows, predict_folder(moved, tmp_path / "fresh.csv", model=network), strict=True):
        assert row.pop("probability") == pytest.approx(other.pop("probability"), abs=1e-5)  # of other batches
        assert row == other


@pytest.mark.parametrize("name", ["mine.txt", "mine.json", "settings.json", "folder"])
def test_a_folder_of_parts_with_what_is_not_ours_stays(
    name: str, photos: Path, network: vitdemo.Network, tmp_path: Path
) -> None:
    out, parts = tmp_path / "t.csv", tmp_path / "t.csv.parts"
    parts.mkdir()
    if name == "folder":
        (parts / name).mkdir()
    else:
        (parts / name).write_text("")
    with pytest.raises(ValueError, match=rf"t\.csv\.parts holds '{name}', which is not of this program"):
        predict_folder(photos, out, model=network)
    assert [path.name for path in parts.iterdir()] == [name]
    assert not out.exists()


@pytest.mark.parametrize(
    "text", ["", '{"settings": ', "[]", "7", '{"settings": {}, "rows": [1]}', "[" * 5000]
)
def test_a_damaged_part_is_named(text: str, photos: Path, network: vitdemo.Network, tmp_path: Path) -> None:
    part = tmp_path / "t.csv.parts" / f"{'0a' * 16}.json"
    part.parent.mkdir()
    part.write_text(text)
    with pytest.raises(ValueError, match=rf"{part.name} is damaged, or not of this program: remove it"):
        predict_folder(photos, tmp_path / "t.csv", model=network)
    assert part.read_text() == text


def test_a_file_that_comes_into_the_folder_of_parts_stays(
    network: vitdemo.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = draw_folder(tmp_path / "one", NAMES)
    out, parts = tmp_path / "t.csv", tmp_path / "t.csv.parts"
    parts.mkdir()
    (parts / f"{'0a' * 16}.json.part").write_text("half")  # what a killed process leaves

    def write_and_drop(*given: Any) -> None:
        folders.write_csv(*given)
        (parts / "mine.txt").write_text("mine")

    monkeypatch.setattr(folders, "write_table", write_and_drop)
    predict_folder(home, out, model=network)
    assert [path.name for path in parts.iterdir()] == ["mine.txt"]
