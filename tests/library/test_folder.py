"""A folder becomes a table: the engine's answers, in batches, and in two processes."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

import vitdemo
from tests.library.conftest import FILES, NAMES, draw_folder
from tests.two import run_in_two
from vitdemo.engine import Engine, Request
from vitdemo.library import folder as folders
from vitdemo.library.folder import predict_folder
from vitdemo.predict import main

pytestmark = pytest.mark.usefixtures("small_batches")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_table_has_what_the_engine_says(
    photos: Path, models: Path, network: vitdemo.Network, tmp_path: Path
) -> None:
    how = {"pruning_ratio": 0.5, "reduction": "merge"}
    rows = predict_folder(photos, tmp_path / "t.csv", model=network, **how)
    assert [row["file"] for row in rows] == list(FILES)
    engine = Engine(device="cpu", models_dir=models)
    for row in rows:
        if row["file"] == "b/broken.jpg":
            assert "broken.jpg" in row["error"]
            assert row["label"] is None
            continue
        analysis = engine.open(Request(photos / row["file"], "dynamicvit_cifar10", **how)).analysis
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


def miss_one(words: list[str]) -> None:
    """One picture cannot be read."""
    assert main(words) == 1


def test_two_processes_give_the_table_of_one(
    photos: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def words(name: str) -> list[str]:
        model = ["--model", "vit_cifar10", "--models-dir", str(models), "--device", "cpu"]
        return [str(photos), "--out", str(tmp_path / name), *model]

    assert main(words("one.csv")) == 1, "one picture could not be read"
    told = capsys.readouterr().out
    assert told == f"{tmp_path / 'one.csv'}: 7 pictures, of which 1 could not be read\n"
    printed = run_in_two(lambda: main(words("two.csv")), miss_one, words("two.csv"))
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


def test_files_whose_names_are_spelled_alike_have_a_row_each(
    network: vitdemo.Network, tmp_path: Path
) -> None:
    home = draw_folder(tmp_path / "home", (b"x\xff.bmp", b"x\xfe.bmp", b"x?.bmp"))
    rows = predict_folder(home, tmp_path / "t.csv", model=network)
    assert [row["file"] for row in rows] == ["x?.bmp"] * 3
    assert len({row["probability"] for row in rows}) == 3
    assert len(read(tmp_path / "t.csv")) == 3


def test_a_table_that_is_there_is_replaced_only_when_told(
    network: vitdemo.Network, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, out = draw_folder(tmp_path / "one", NAMES), tmp_path / "t.csv"
    out.write_text("mine")
    words = [str(home), "--out", str(out), "--models-dir", str(models), "--device", "cpu"]
    words += ["--model", "vit_cifar10"]
    assert main([*words[:-1], "none"]) == 2, "the table is looked at before the network"
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"error: {out} is there already: name another table, or say --replace (replace=True)"
    assert out.read_text() == "mine"
    with pytest.raises(ValueError, match="is there already"):
        predict_folder(home, out, model=network)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "t.csv"]
    assert main([*words, "--replace"]) == 0
    assert [row["file"] for row in read(out)] == list(NAMES)


def test_a_table_that_a_link_points_to_is_written(network: vitdemo.Network, tmp_path: Path) -> None:
    home, out, there = draw_folder(tmp_path / "one", NAMES), tmp_path / "t.csv", tmp_path / "there.csv"
    there.write_text("old")
    out.symlink_to(there)
    predict_folder(home, out, model=network, replace=True)
    assert out.is_symlink()
    assert len(read(there)) == len(NAMES)


def test_a_folder_is_no_table(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    out.mkdir()
    with pytest.raises(ValueError, match=r"t\.csv is a folder: name a table"):
        predict_folder(photos, out, model="none", replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_spreadsheet_runs_no_text_of_a_csv(network: vitdemo.Network, tmp_path: Path) -> None:
    names = ("+1.bmp", "-1.bmp", "=1+1.bmp", "@a.bmp", "\ta.bmp", "\ra.bmp", "b\r=1.bmp", "a=1.bmp")
    rows = predict_folder(draw_folder(tmp_path / "one", names), tmp_path / "t.csv", model=network)
    assert sorted(row["file"] for row in rows) == sorted(names), "only the file has apostrophes"
    written = read(tmp_path / "t.csv")
    assert sorted(row["file"] for row in written) == sorted(
        [*(f"'{name}" for name in names[:-2]), *names[-2:]]
    )
    assert all(float(row["probability"]) > 0 for row in written)
    lines = (tmp_path / "t.csv").read_bytes().decode().split("\n")
    assert len(lines) == 1 + len(names) + 1
    assert all(line.startswith('"') for line in lines[:-1]), "nor what follows a return within a text"
    assert folders.defuse(-0.5) == -0.5, "a number stays one"
