"""Files live for the stated time, and no more of them than was said; the clock on the wall plays no part."""

from __future__ import annotations

import io
import os
import shutil
import time
from pathlib import Path

import pytest

from tests.engine.bundle import draw_picture
from tests.ports import free_port
from tests.serving.visitor import API, Call, Visitor
from vitdemo.engine import Engine, Expired, Request
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.serving.options import Options
from vitdemo.serving.server import launch
from vitdemo.serving.temporary import LOCK, MARK, Sweeper, bury
from vitdemo.ui import build
from vitdemo.ui.kit.words import FOREIGN

DAY = 86400.0


class Clock:
    """What `time.monotonic` says, to be moved on by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def write_file(folder: Path, name: str, *, megabytes: float = 0.0) -> Path:
    """As gradio keeps one: in a folder named after its content."""
    path = folder / name / f"{name}.png"
    path.parent.mkdir()
    path.write_bytes(b"0" * int(megabytes * MEGABYTE))
    return path


def make_sweeper(folder: Path, **limits: float) -> Sweeper:
    return Sweeper(folder, limits=Limits(**limits), forget=lambda seconds: None)  # type: ignore[arg-type]


def test_a_file_is_gone_after_its_time_and_its_folder_with_it(tmp_path: Path, clock: Clock) -> None:
    page = write_file(tmp_path, "page")
    swept = make_sweeper(tmp_path, kept_seconds=60.0)
    mine = write_file(tmp_path, "mine")
    swept.sweep()
    clock.now += 59
    swept.sweep()
    assert mine.exists()
    later = write_file(tmp_path, "later")
    clock.now += 2
    swept.sweep()
    assert sorted(tmp_path.iterdir()) == [later.parent, page.parent], "what the page itself shows stays"


def test_a_file_that_is_used_again_lives_on(tmp_path: Path, clock: Clock) -> None:
    swept, mine = make_sweeper(tmp_path, kept_seconds=60.0), write_file(tmp_path, "mine")
    swept.sweep()
    clock.now += 50
    os.utime(mine, (1, 1))
    swept.sweep()
    clock.now += 50
    swept.sweep()
    assert mine.exists()
    clock.now += 11
    swept.sweep()
    assert not mine.exists()


def test_the_oldest_go_first_where_there_are_too_many_bytes(tmp_path: Path, clock: Clock) -> None:
    swept = make_sweeper(tmp_path, temporary_megabytes=3)
    for name in ("one", "two", "three"):
        write_file(tmp_path, name, megabytes=1)
        swept.sweep()
        clock.now += 1
    assert len(list(tmp_path.iterdir())) == 3
    swept.make_room(MEGABYTE // 2)
    assert {path.name for path in tmp_path.iterdir()} == {"two", "three"}


def test_the_oldest_go_first_where_there_are_too_many_files(tmp_path: Path, clock: Clock) -> None:
    """Also empty ones, of which a disk has no room for any number either."""
    swept = make_sweeper(tmp_path, temporary_files=3)
    for name in ("one", "two", "three", "four"):
        write_file(tmp_path, name)
        clock.now += 1
        swept.sweep()
    assert {path.name for path in tmp_path.iterdir()} == {"two", "three", "four"}


def test_a_file_counts_as_the_blocks_that_it_takes(tmp_path: Path, clock: Clock) -> None:
    swept = make_sweeper(tmp_path, temporary_megabytes=1)
    for name in map(str, range(400)):
        write_file(tmp_path, name).write_bytes(b"0")  # 400 bytes in all, and 4,096 a file on most disks
    block = (tmp_path / "0" / "0.png").stat().st_blocks * 512 or 1
    swept.sweep()
    assert len(list(tmp_path.iterdir())) == min(400, MEGABYTE // block)


def test_what_a_cleaner_of_the_system_has_taken_is_put_back(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    page = write_file(folder, "page", megabytes=0.01)
    swept, content = make_sweeper(folder), page.read_bytes()
    write_file(folder, "mine")
    shutil.rmtree(folder)
    swept.make_room(1)
    assert [path for path in folder.rglob("*") if path.is_file()] == [page]
    assert page.read_bytes() == content
    assert write_file(folder, "later").exists()


def test_an_upload_lists_no_folder_that_it_knows(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Among thousands it would wait for a tenth of a second; what has come or gone it sees all the same."""
    swept = make_sweeper(tmp_path, temporary_files=3)
    old = write_file(tmp_path, "old")
    write_file(tmp_path, "gone")
    swept.sweep()
    clock.now += 1
    listed: list[str] = []
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda place: listed.append(Path(place).name) or walk(place))
    shutil.rmtree(tmp_path / "gone")
    new = write_file(tmp_path, "new")
    swept.make_room(0)
    assert (listed, old.exists()) == (["new"], True)
    for name in ("more.png", "most.png"):
        (new.parent / name).touch()
    clock.now += 1
    swept.make_room(0)
    assert (listed, old.exists()) == (["new", "new"], False), "of four files the oldest"
    swept.sweep()
    assert listed == ["new", "new", "new"], "from time to time all are looked at"


@pytest.mark.parametrize("jump", [-400 * DAY, 400 * DAY])
def test_a_clock_that_jumps_deletes_nothing_and_keeps_nothing(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    swept, real = make_sweeper(tmp_path, kept_seconds=60.0), time.time
    before = write_file(tmp_path, "before")
    swept.sweep()
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    after = write_file(tmp_path, "after")
    os.utime(after, (real() + jump, real() + jump))
    swept.sweep()
    assert before.exists()
    assert after.exists()
    clock.now += 61
    swept.sweep()
    assert not list(tmp_path.iterdir())


def test_an_upload_is_gone_from_the_folder_and_from_memory(models: Path) -> None:
    engine = Engine(device="cpu", models_dir=models)
    page = build(engine, limits=Limits(kept_seconds=1.0))
    launch(page, Options(port=free_port()))
    folder = Path(os.environ["GRADIO_TEMP_DIR"])
    swept = Sweeper(folder, limits=page.limits, forget=engine.forget)
    visitor, sent = Visitor(str(page.local_url)), io.BytesIO()
    draw_picture().save(sent, "PNG")
    (path,) = visitor.http.post(f"{API}/upload", files={"files": ("mine.png", sent.getvalue())}).json()
    result = engine.open(Request(path, "vit_cifar10", 0.0))
    asked = Call(visitor.find_event("analyse"), [{"path": path}, "vit_cifar10", 0.0, ""])
    assert '"labels"' in visitor.ask(asked)[0]
    assert result.tokens.kept_figures()
    swept.sweep()
    assert Path(path).exists()
    time.sleep(1.1)
    swept.sweep()
    assert not Path(path).exists()
    with pytest.raises(Expired):
        engine.recall(result.key)
    assert FOREIGN in visitor.ask(asked)[0]
    assert visitor.http.get(f"{API}/file={path}").status_code == 404
    first = visitor.list_inputs(visitor.find_event("answer"))[0]["path"]
    assert visitor.http.get(f"{API}/file={first}").is_success
    page.close()


def test_only_folders_of_dead_instances_are_buried(tmp_path: Path) -> None:
    for name, lock in (("vitdemo-dead", MARK), ("vitdemo-mine", "my own")):
        (tmp_path / name).mkdir()
        (tmp_path / name / LOCK).write_text(lock)
    (tmp_path / "vitdemo-pipe").mkdir()
    os.mkfifo(tmp_path / "vitdemo-pipe" / LOCK)  # to open it would wait for ever
    bury(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"vitdemo-mine", "vitdemo-pipe"}
