"""The benchmarks: the command works in small, and what it says of numbers is right by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import networks, race
from tests.bench.__main__ import main
from tests.bench.race import OURS, Row, Setting, Spread, compare, miss
from tests.bench.report import BEGIN, END, describe_row, find_worse, read_rows, to_json, write_table


def test_the_command_measures_prints_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = networks.is_installed
    monkeypatch.setattr(networks, "is_installed", lambda peer: peer != "vit-pytorch" and known(peer))
    path = tmp_path / "measured.json"
    assert main(["forward", "pruned", "linear", "--tiny", "--out", str(path)]) == 0
    printed, written = capsys.readouterr().out, json.loads(path.read_text())
    assert "vit-pytorch: not measured (not installed)" in printed
    assert written["versions"]["timm"] in printed
    rows = read_rows(path)
    assert {row.benchmark for row in rows} == {"forward", "pruned forward", "linear attention"}
    measured = [row for row in rows if row.ratio]
    assert {row.peer for row in measured} >= {"timm", "transformers", "slicing without a predictor"}
    assert all(row.ours.n == row.ratio.n == 2 and row.ratio.low > 0 for row in measured if row.ratio)
    for row in written["rows"]:
        if row["ratio"]:
            row["ratio"]["median"] = 1e-3
    path.write_text(json.dumps(written))
    assert main(["linear", "--tiny", "--compare", str(path), "--out", str(path)]) == 1
    assert "worse: linear attention, 17 tokens" in capsys.readouterr().out
    again = read_rows(path)  # linear's are new, the others stand as they were
    assert [row.benchmark for row in again] == [row.benchmark for row in rows]
    kept = [row.ratio.median for row in again if row.ratio and row.benchmark != "linear attention"]
    assert set(kept) == {1e-3}


def test_a_benchmark_that_fails_takes_no_other_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(setting: Setting) -> list[Row]:
        raise RuntimeError("the browser is gone")

    monkeypatch.setattr("tests.bench.linear.measure", fail)
    path = tmp_path / "measured.json"
    assert main(["linear", "pruned", "--tiny", "--out", str(path)]) == 1
    told = capsys.readouterr()
    assert "failed: linear" in told.out
    assert "the browser is gone" in told.err
    assert {row.benchmark for row in read_rows(path)} == {"pruned forward"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fastest"], "NAME must be one of forward"),
        (["forward", "--write", "."], "--write needs all benchmarks"),
        (["--compare", "nowhere.json"], "nowhere.json holds no measurements"),
    ],
)
def test_a_bad_option_is_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_each_round_begins_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    now, order = [0.0], ""
    monkeypatch.setattr(race, "perf_counter", lambda: now[0])

    def make_call(name: str, seconds: float) -> race.Call:
        def call() -> None:
            nonlocal order
            order += name
            now[0] += seconds

        return call

    calls = {"a": make_call("a", 1.0), "b": make_call("b", 2.0), "c": make_call("c", 0.5)}
    times = race.race(calls, Setting(rounds=(2, 9), seconds=10.0))
    assert order == "abc" + "abc" + "bca" + "cab"  # 10.5 s are more than enough after three rounds
    assert times == {"a": [1000.0] * 3, "b": [2000.0] * 3, "c": [500.0] * 3}


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    times = {OURS: [10.0, 30.0, 20.0], "theirs": [20.0, 20.0, 20.0]}
    (row,) = compare("b", "c", times, bars={"theirs": 0.8})
    assert row.ratio == Spread(1.0, 0.75, 1.25, 3)
    assert (row.ours.median, row.theirs and row.theirs.median) == (20.0, 20.0)
    assert "bar 0.8 missed by 25%" in describe_row(row)
    (absent,) = miss("b", "c", times, ("theirs", "others"))
    assert (absent.peer, absent.theirs, absent.ours) == ("others", None, row.ours)


def make_row(case: str, ratio: float, *, peer: str = "timm", unit: str = "ms") -> Row:
    spread = Spread(ratio, ratio, ratio, 3)
    return Row("forward", case, spread, peer, spread, spread if peer else None, unit, bar=1.0)


def test_only_what_a_machine_does_not_decide_is_compared() -> None:
    stored = [make_row("a", 1.0), make_row("b", 1.0, peer=""), make_row("c", 60, peer="", unit="requests")]
    same = [make_row("a", 1.14), make_row("b", 9.0, peer=""), make_row("c", 68, peer="", unit="requests")]
    worse = [make_row("a", 1.16), make_row("c", 70, peer="", unit="requests"), make_row("new", 9.0)]
    assert find_worse(same, stored) == []
    assert find_worse(worse, stored) == [
        "worse: forward, a, to timm: 1 -> 1.16",
        "worse: forward, c: 60.0 -> 70.0",
    ]


def test_the_table_takes_the_place_of_the_former_one(tmp_path: Path) -> None:
    for name in ("README.md", "README.zh.md"):
        (tmp_path / name).write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    rows = [make_row("a", 1.2), make_row("a", 0.9, peer="transformers"), make_row("d", 2.0, peer="")]
    write_table(rows, tmp_path)
    for name in ("README.md", "README.zh.md"):
        lines = (tmp_path / name).read_text(encoding="utf-8").splitlines()
        assert (lines[0], lines[1], lines[-2], lines[-1]) == ("before", BEGIN, END, "after")
        assert lines[4:-2] == [
            "| forward, a | 1.20 (1.20 to 1.20, n = 3) ms | timm 1.20* (1.20 to 1.20), "
            "transformers 0.90 (0.90 to 0.90) | 1.00 |",
            "| forward, d | 2 (2 to 2, n = 3) ms* |  | 1 ms |",
        ]
    (tmp_path / "README.md").write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="has no"):
        write_table(rows, tmp_path)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = [make_row("a", 1.2), *miss("b", "c", {OURS: [1.0]}, ("timm",))]
    path = tmp_path / "rows.json"
    path.write_text(to_json(rows, {"machine": "one"}), encoding="utf-8")
    assert read_rows(path) == rows
