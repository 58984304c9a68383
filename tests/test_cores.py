"""torch's threads where a container has fewer cores than its machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from vitdemo import cores
from vitdemo.cores import THREADS, read_quota, share_cores


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "what?"}, None),
        ({}, None),
    ],
)
def test_a_quota_is_read_in_both_versions(tmp_path: Path, files: dict[str, str], quota: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert read_quota(tmp_path) == quota


@pytest.mark.parametrize(
    ("quota", "given", "threads"),
    [
        ("150000", None, "2"),
        ("50000", None, "1"),
        ("800000", None, None),
        ("max", None, None),
        ("100000", "3", "3"),
    ],
)
def test_there_are_as_many_threads_as_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, given: str | None, threads: str | None
) -> None:
    """On a machine of four cores."""
    monkeypatch.setattr(cores, "count_cores", lambda: 4)
    monkeypatch.setenv(THREADS, given or "")
    if given is None:
        monkeypatch.delenv(THREADS)
    (tmp_path / "cpu.max").write_text(f"{quota} 100000\n")
    share_cores(tmp_path)
    assert cores.os.environ.get(THREADS) == threads
