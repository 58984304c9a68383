"""The times of a result: a machine that is too busy gives none, is told, and is asked again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path

import pytest

from tests.engine.bundle import LAB_MODEL as MODEL
from tests.engine.bundle import draw_picture
from vitdemo import timing
from vitdemo.engine import Engine, Look, Request, Result
from vitdemo.predict import main
from vitdemo.ui.api import records
from vitdemo.ui.tabs.prediction.words import write_comparison

BUSY = "busy, not measured"


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else has the processor during every sample."""
    monkeypatch.setattr(timing, "OWN", inf)


def test_nothing_poor_is_kept_and_an_idle_machine_replaces_it(
    engine: Engine, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine.find_times(result.analysis) is None
    with monkeypatch.context() as patch:
        patch.setattr(timing, "OWN", inf)
        assert result.times() == (None, None)
        assert engine.find_times(result.analysis) is None
    found = result.times()
    assert [time and time.n >= 5 for time in found] == [True, True]
    count = engine.forwards
    assert engine.find_times(result.analysis) == found == result.times()
    assert engine.forwards == count


def test_where_others_run_or_wait_nothing_is_measured(engine: Engine) -> None:
    """Under load each request held the machine for half a second more, for no time at all."""
    dense, pruned = (engine.open(Request(draw_picture(), MODEL, ratio)) for ratio in (0.0, 0.6))
    before = engine.forwards
    with ThreadPoolExecutor() as others, engine._pool.compute.turn():
        found = [others.submit(one.times).result(timeout=60) for one in (dense, pruned)]
    assert found == [(None,), (None, None)]
    assert engine.forwards == before
    pruned.times()
    assert engine.forwards > before, "the next look, once nobody else does"


def test_a_busy_machine_is_told_wherever_a_time_is_shown(engine: Engine, result: Result, busy: None) -> None:
    assert f"<td>{BUSY}</td>" * 2 in write_comparison(result.analysis, result.times())
    assert records.pack_analysis(result.analysis, result.times())["dense"]["time"] is None
    facts = json.loads(result.export(Look()).to_json())
    assert facts["dense"]["time"] is facts["pruned"]["time"] is None
    request = Request(draw_picture(), MODEL, 0.5)
    found = engine.compare(request, request)
    assert found.a.time is found.b.time is None
    assert not any(time for curve in result.lab.sweep().curves for time in curve.times)
    card = engine.speed(MODEL, 0.3)
    assert not any(one.time for one in card.variants)
    assert card.sizes == ()


def test_the_command_line_obeys_the_same_rule(
    models: Path, tmp_path: Path, busy: None, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_picture().save(tmp_path / "one.png")
    assert main([str(tmp_path / "one.png"), "--models-dir", str(models), "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    assert said.count(BUSY) == 2
    assert " ms" not in said
