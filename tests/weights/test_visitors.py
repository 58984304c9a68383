"""The cache of what visitors name: bounded by what lies on the disk, the least used first, nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from huggingface_hub import constants

from vitdemo.limits import MEGABYTE
from vitdemo.weights import VisitorCache, WeightsError
from vitdemo.weights.visitors import LEAST, find_home, measure

A, B, C = (f"hf-hub:me/{name}" for name in "abc")


@pytest.fixture(autouse=True)
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_ASSETS_CACHE", str(tmp_path / "assets"))
    return tmp_path / "assets"


def fill(cache: VisitorCache, name: str, megabytes: int, *, used: int) -> Path:
    """Have a file of so many megabytes fetched, and last used at that second."""
    with cache.hold(name, megabytes * MEGABYTE) as folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{used}").write_bytes(bytes(megabytes * MEGABYTE - 2 * LEAST))
    os.utime(folder, (used, used))
    return folder


def list_kept() -> set[str]:
    return {one.name for one in find_home().iterdir()}


def test_what_was_least_recently_used_makes_room_after_a_restart_too(assets: Path) -> None:
    cache = VisitorCache(10)
    for used, name in enumerate((A, B, C)):
        fill(cache, name, 3, used=used)
    with VisitorCache(10).hold(A, 0) as folder:
        assert folder == assets / "vitdemo" / "visitors" / "me--a"
    fill(VisitorCache(10), "hf-hub:me/d@main", 3, used=9)
    assert list_kept() == {"me--a", "me--c", "me--d"}
    assert sum(map(measure, find_home().iterdir())) <= 10 * MEGABYTE


def test_what_is_in_use_stays_and_nothing_is_removed_in_vain() -> None:
    cache = VisitorCache(10)
    fill(cache, A, 3, used=0)
    with cache.hold(B, 6 * MEGABYTE):
        told = r"^There is no room now for me/c: networks that visitors name get 10 MB of the disk together\."
        for _ in range(2):
            with pytest.raises(WeightsError, match=told), cache.hold(C, 5 * MEGABYTE):
                pass
        assert list_kept() == {"me--a"}
        with cache.hold(C, 4 * MEGABYTE), pytest.raises(WeightsError), cache.hold(B, MEGABYTE):
            pass
        assert list_kept() == set(), "A made room"
    with cache.hold(C, 10 * MEGABYTE):
        pass
    assert not cache._held


def test_what_a_repository_had_before_goes_last() -> None:
    """Its other revisions lie in the same folder."""
    cache = VisitorCache(10)
    for used, (name, megabytes) in enumerate(((A, 7), (B, 2))):
        fill(cache, name, megabytes, used=used)
    fill(cache, A, 3, used=2)
    assert list_kept() == {"me--a"}
    assert fill(cache, A, 4, used=3).exists()
    assert [path.name for path in (find_home() / "me--a").iterdir()] == ["3"]


def test_small_files_count(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}").touch()
    assert measure(tmp_path) == 101 * LEAST
    assert measure(tmp_path / "nothing") == 0
