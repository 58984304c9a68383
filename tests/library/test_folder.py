"""A folder becomes a table: the engine's answers, in batches, in two processes, and after it was stopped."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import vitdemo
from tests.engine.bundle import draw_picture
from tests.two import run_in_two
from vitdemo.engine import Engine, Request, Said
from vitdemo.library import folder as folders
from vitdemo.library.folder import predict_folder
from vitdemo.predict import main

FILES = ("c.png", "d.webp", "a/1.png", "a/2.jpg", "a/3.png", "b/1.png", "b/broken.jpg")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("photos")
    for seed, name in enumerate(FILES):
        path = home / name
        path.parent.mkdir(exist_ok=True)
        draw_picture(seed).save(path)
    (home / "b" / "broken.jpg").write_bytes(b"no picture")
    (home / "notes.txt").write_text("no picture either")
    return home


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "BATCH", 2)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_table_has_what_the_engine_says(
    photos: Path, models: Path, network: vitdemo.Network, tmp_path: Path
) -> None:
    rows = predict_folder(photos, tmp_path / "t.csv", model=network, pruning_ratio=0.5)
    assert [row["file"] for row in rows] == list(FILES)
    engine = Engine(device="cpu", models_dir=models)
    for row in rows:
        if row["file"] == "b/broken.jpg":
            assert "broken.jpg" in row["error"]
            assert row["label"] is None
            continue
        analysis = engine.open(Request(photos / row["file"], "dynamicvit_cifar10", 0.5)).analysis
        assert analysis.pruned is not None
        assert row["error"] == ""
        assert (row["label"], row["pruned_label"]) == (analysis.dense.top[0][0], analysis.pruned.top[0][0])
        assert row["probability"] == pytest.approx(analysis.dense.top[0][1], abs=1e-5)
        assert row["pruned_probability"] == pytest.approx(analysis.pruned.top[0][1], abs=1e-5)
        assert row["model"] == network.name
    written = read(tmp_path / "t.csv")
    assert [one["file"] for one in written] == list(FILES)
    assert [one["label"] for one in written] == [row["label"] or "" for row in rows]
    assert network.name.startswith("dynamicvit_cifar10@sha256:")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv"], "nothing else is left"


def test_a_run_that_was_stopped_goes_on(
    photos: Path, network: vitdemo.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    answer = network.answer

    def stop_at_the_third(files: Sequence[Path], **options: Any) -> list[Said]:
        if files:  # without any, only the options are checked
            asked.append([path.name for path in files])
            if len(asked) == 3:
                raise KeyboardInterrupt
        return answer(files, **options)

    monkeypatch.setattr(network, "answer", stop_at_the_third)
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


def test_two_processes_give_the_table_of_one(
    photos: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def words(name: str) -> list[str]:
        model = ["--model", "vit_cifar10", "--models-dir", str(models), "--device", "cpu"]
        return [str(photos), "--out", str(tmp_path / name), *model]

    assert main(words("one.csv")) == 1, "one picture could not be read"
    told = capsys.readouterr().out
    assert told == f"{tmp_path / 'one.csv'}: 7 pictures, of which 1 could not be read\n"
    program = "import sys\nfrom vitdemo.predict import main\nassert main() == 1\n"
    printed = run_in_two(lambda: main(words("two.csv")), program=program, arguments=words("two.csv"))
    assert printed == told.replace("one.csv", "two.csv"), "only one of them writes"
    one, two = read(tmp_path / "one.csv"), read(tmp_path / "two.csv")
    for row, other in zip(one, two, strict=True):
        for name in ("probability", "pruned_probability"):  # of other batches, so to the last bits
            assert float(row.pop(name) or 0) == pytest.approx(float(other.pop(name) or 0), abs=1e-5)
        assert row == other
    assert not (tmp_path / "two.csv.parts").exists()


def test_what_cannot_be_is_one_sentence(
    photos: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*words: object) -> str:
        assert main([*map(str, words), "--models-dir", str(models), "--device", "cpu"]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    out = tmp_path / "t.csv"
    assert fails(photos, photos, "--out", out) == "error: --out takes one folder of pictures"
    assert fails(tmp_path / "none", "--out", out) == f"error: there is no folder {tmp_path / 'none'}"
    assert "holds no pictures (.avif, " in fails(tmp_path, "--out", out)
    assert "must be called NAME.csv or NAME.parquet, got 't.xlsx'" in fails(photos, "--out", "t.xlsx")
    assert "selector must be one of" in fails(photos, "--out", out, "--selector", "best")
    assert not list(tmp_path.iterdir())


def test_without_pyarrow_a_parquet_table_is_refused_before_any_work(
    photos: Path, network: vitdemo.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"t\.parquet needs pyarrow, which is not installed; name a \.csv"):
        predict_folder(photos, tmp_path / "t.parquet", model=network)
    assert not list(tmp_path.iterdir())


def test_a_parquet_table_has_the_same_rows(photos: Path, network: vitdemo.Network, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = predict_folder(photos, tmp_path / "t.parquet", model=network)
    assert json.dumps(parquet.read_table(tmp_path / "t.parquet").to_pylist()) == json.dumps(rows)
