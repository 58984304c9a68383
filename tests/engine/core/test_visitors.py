"""What visitors name takes a bounded share of the disk and of memory, however many they are."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.engine.bundle import draw_picture
from tests.weights.hub import COMMIT, Hub, list_fetched
from tests.weights.samples import write_own
from vitdemo.engine import Engine, Request
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.weights import DESCRIBED
from vitdemo.weights.store import read_folder
from vitdemo.weights.visitors import find_home, measure

NAME = "hf-hub:me/mine"


def test_what_visitors_fetch_makes_room_for_more_and_the_owners_own_stays(
    hub: Hub, models: Path, tmp_path: Path
) -> None:
    """Across a restart too; each look-up leaves small files, which count."""
    for name in "abcd":
        write_own(hub.root / "me" / name, embed_dim=192)
    own = Engine(device="cpu", models_dir=models, alone=True)
    assert own.open(Request(draw_picture(), own.networks.look_up("me/a"))).analysis.dense.top
    theirs = list_files(tmp_path / "cache")
    first = Engine(device="cpu", models_dir=models)
    show(first, "a")
    limits = Limits(hub_megabytes=math.ceil((3 * measure(find_home()) + DESCRIBED) / MEGABYTE))
    for name in "bc":
        show(first, name)
    fetched = len(list_fetched(hub))
    second = Engine(device="cpu", models_dir=models, limits=limits)
    show(second, "a")
    assert len(list_fetched(hub)) == fetched, "it lies in their cache"
    show(second, "d")
    assert {one.name for one in find_home().iterdir()} == {"me--a", "me--c", "me--d"}
    assert measure(find_home()) <= limits.hub_megabytes * MEGABYTE
    assert list_files(tmp_path / "cache") == theirs
    show(second, "b")
    assert len(list_fetched(hub)) == fetched + 2


def show(engine: Engine, name: str) -> None:
    model = engine.networks.look_up(f"me/{name}")
    assert engine.open(Request(draw_picture(), model)).analysis.dense.top
    assert engine.networks.is_at_hand(model)


def list_files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_what_failed_takes_no_room(hub: Hub, models: Path) -> None:
    engine = Engine(device="cpu", models_dir=models, limits=Limits(hub_megabytes=16))
    engine.networks.look_up(NAME)
    hub.modes["me/mine"] = "short"
    for _ in range(5):
        with pytest.raises(ValueError, match="me/mine"):
            engine.open(Request(draw_picture(), NAME))
    hub.modes["me/mine"] = "good"
    assert engine.open(Request(draw_picture(), NAME)).analysis.dense.top
    assert not engine._pool.offers._cache._held


class Reads:
    """Counts how many networks are read, and how many at most at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = self.now = self.most = 0
        monkeypatch.setattr("vitdemo.weights.read_folder", self.read)

    def read(self, folder: Path, **options: Any) -> Any:
        self.count, self.now = self.count + 1, self.now + 1
        self.most = max(self.most, self.now)
        threading.Event().wait(0.1)  # time for the others
        try:
            return read_folder(folder, **options)
        finally:
            self.now -= 1


def open_together(engine: Engine, names: list[str]) -> list[str]:
    """Return the titles of what several visitors are shown at once."""
    keys = [engine.networks.look_up(name) for name in names]
    with ThreadPoolExecutor(len(keys)) as visitors:
        found = list(visitors.map(lambda key: engine.open(Request(draw_picture(), key)).analysis, keys))
    assert [one.model for one in found] == keys
    assert not engine._pool._loading._turns, "nothing is kept of what nobody waits for"
    return [engine.info(key).key for key in keys]


def test_networks_that_visitors_name_are_read_one_after_the_other(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may be twice in memory meanwhile. A slow download holds nobody up."""
    engine, reads = Engine(device="cpu", models_dir=models), Reads(monkeypatch)
    names = [f"me/{number}" for number in range(3)]
    for name in names:
        write_own(hub.root / name)
    open_together(engine, names)
    assert (reads.count, reads.most) == (3, 1)
    hub.modes["me/mine"] = "drip"
    slow, left = engine.networks.look_up(NAME), threading.Event()

    def report(share: float, text: str) -> None:
        if left.is_set():
            raise InterruptedError

    with ThreadPoolExecutor(1) as visitor:
        waiting = visitor.submit(engine.load, slow, progress=report)
        engine.load(engine.networks.look_up(f"me/0@{COMMIT}"))
        assert not waiting.done()
        left.set()
        with pytest.raises(InterruptedError):
            waiting.result()


def test_two_names_of_one_source_are_one_load(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, reads = Engine(device="cpu", models_dir=models), Reads(monkeypatch)
    assert open_together(engine, ["me/mine", f"me/mine@{COMMIT}"]) == [NAME, f"{NAME}@{COMMIT}"]
    assert (reads.count, len(list_fetched(hub))) == (1, 1)
    assert engine.loaded(NAME)
    hub.modes["me/mine"] = "broken"
    assert engine.open(Request(draw_picture(1), f"{NAME}@{COMMIT}")).analysis.title == "me/mine"


def test_what_was_dropped_is_told_so_and_is_not_looked_for(
    hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where it is dropped after somebody has asked: by then it would be by the owner's token."""
    monkeypatch.setattr("vitdemo.engine.core.offers.MOST", 1)
    engine = Engine(device="cpu", models_dir=models)
    first = engine.networks.look_up(NAME)
    write_own(hub.root / "me" / "other")
    engine.networks.look_up("me/other")
    hub.requests.clear()
    told = "me/mine is not known here, or not any more: look it up, or choose another model"
    for ask in (engine.info, engine._pool.get, engine.networks.is_at_hand):
        with pytest.raises(ValueError, match=f"^{told}$"):
            ask(first)
    assert hub.requests == []
