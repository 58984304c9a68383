"""How the app starts, ends and is killed, and what it leaves behind."""

from __future__ import annotations

import errno
import json
import logging
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from gradio import networking

from tests.api.networks import PICTURE
from tests.ports import free_port
from tests.serving.process import App, read_refusal, run_app
from tests.serving.visitors import PATIENCE
from tests.small_bundle import SMALL_KEYS
from vitdemo import serving
from vitdemo.engine import Engine
from vitdemo.limits import DEFAULTS
from vitdemo.serving.options import Options
from vitdemo.serving.sentences import CUT_OFF
from vitdemo.serving.server import launch
from vitdemo.serving.temporary import keep_folder
from vitdemo.ui import build

DRAIN, DRAINED = 0.3, 10  # seconds that requests have here; within which the app ends by default
PATIENT = ("--drain-seconds", "600", "--request-seconds", "600")  # however busy the machine is
EXTRA = {"sweep": (), "faithfulness": ("",)}  # parameters beside the picture and the model


def upload(app: App) -> str:
    with PICTURE.open("rb") as file:
        sent = httpx.post(f"{app.url}gradio_api/upload", files={"files": ("mine.webp", file)}, timeout=60)
    return sent.json()[0]


def call(app: App, endpoint: str, *data: Any) -> str:
    """Return the address of a job's answer."""
    address = f"{app.url}gradio_api/call/{endpoint}"
    return f"{address}/{httpx.post(address, json={'data': data}, timeout=60).json()['event_id']}"


def begin_slow_request(url: str, route: str = "upload") -> socket.socket:
    """Return the connection of a request that never comes to its end."""
    place = urlsplit(url)
    assert place.hostname
    assert place.port
    connection = socket.create_connection((place.hostname, place.port))
    lines = [
        f"POST /gradio_api/{route} HTTP/1.1",
        f"Host: {place.netloc}",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Length: 9999",
        "",
        "--x",
        'Content-Disposition: form-data; name="files"; filename="mine.png"',
        "",
        "abc",
    ]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def is_answered(address: str) -> str:
    return httpx.get(address, timeout=60).text


def test_two_apps_on_one_machine_one_is_told_to_stop_and_one_is_killed(models: Path, tmp_path: Path) -> None:
    words = ("--models-dir", str(models))
    with (
        run_app(*words, temporary=tmp_path) as first,
        run_app(*words, *PATIENT, temporary=tmp_path) as second,
        ThreadPoolExecutor(8) as pool,
    ):
        mine, other = Path(upload(first)), upload(second)
        assert mine.read_bytes() == Path(other).read_bytes() == PICTURE.read_bytes()
        assert len(list(tmp_path.iterdir())) == 2
        picture = {"path": other, "meta": {"_type": "gradio.FileData"}}
        asked = [*(("sweep", key) for key in SMALL_KEYS), ("faithfulness", "vit_cifar10")]
        waiting = [
            pool.submit(is_answered, call(second, endpoint, picture, key, *EXTRA[endpoint]))
            for endpoint, key in asked
        ]
        slow = begin_slow_request(second.url)
        assert not all(answer.done() for answer in waiting)
        status, _, said = second.ended(signal.SIGTERM)
        assert (status, "Traceback" in said) == (0, False)
        for (_, key), answer in zip(asked, waiting, strict=True):
            assert "event: complete" in answer.result()
            assert f'"model": "{key}"' in answer.result()
        slow.close()
        lines = [json.loads(line) for line in said.splitlines()]
        assert [line.get("event") for line in lines].count("sweep") == 2
        assert "mine" not in said, "no name of a visitor's file"

        assert (
            httpx.get(f"{first.url}gradio_api/file={mine}", timeout=PATIENCE).content == PICTURE.read_bytes()
        )
        assert [folder.name for folder in tmp_path.iterdir()] == [mine.parents[2].name]
        with find_temporary_folder(tmp_path):
            assert mine.exists(), "of an app that is alive"
        first.ended(signal.SIGKILL)
        assert mine.exists(), "nobody could delete it"
    with find_temporary_folder(tmp_path) as files:
        assert list(tmp_path.iterdir()) == [files.parent], "the next one does"
    assert not list(tmp_path.iterdir())


def hear(address: str) -> str:
    """Return all that is told there until the connection ends."""
    heard = b""
    with suppress(httpx.RemoteProtocolError), httpx.stream("GET", address, timeout=60) as stream:
        for piece in stream.iter_raw():
            heard += piece
    return heard.decode()


def test_who_is_cut_off_is_told_so_and_nothing_of_the_program(models: Path, tmp_path: Path) -> None:
    """By default they have some seconds more; what the server takes to close is the same."""
    words = ("--models-dir", str(models), "--drain-seconds", str(DRAIN))
    with run_app(*words, temporary=tmp_path) as app, ThreadPoolExecutor(9) as pool, ExitStack() as slow:
        picture = {"path": upload(app), "meta": {"_type": "gradio.FileData"}}
        jobs = [call(app, "sweep", picture, "vit_cifar10") for _ in range(8)]
        heard = [pool.submit(hear, job) for job in jobs]
        body = {"data": [picture, "vit_cifar10"], "session_hash": "mine"}
        httpx.post(f"{app.url}gradio_api/call/sweep", json=body, timeout=60)
        heard.append(pool.submit(hear, f"{app.url}gradio_api/queue/data?session_hash=mine"))
        for route in ("upload", "call/models"):
            slow.enter_context(begin_slow_request(app.url, route))
        assert httpx.get(f"{app.url}ready", timeout=PATIENCE).status_code == 200, "both have arrived"
        time.sleep(0.5)  # until all listen
        status, seconds, said = app.ended(signal.SIGTERM)
        told = [one.result() for one in heard]
    assert (status, "Traceback" in said) == (0, False)
    assert DRAIN <= seconds < DRAINED - DEFAULTS.drain_seconds + DRAIN
    assert any(CUT_OFF in one for one in told[:-1])
    assert CUT_OFF in told[-1]
    for one in told:
        assert not any(private in one for private in ("site-packages", "Task", "scope", str(tmp_path)))


def test_an_app_that_is_slow_to_draw_its_page_starts(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the first time took 5.5 s; gradio waits for 3 s, and the app was gone."""
    monkeypatch.setattr(networking, "url_ok", lambda url: False)
    page = build(Engine(device="cpu", models_dir=models))
    launch(page, Options(port=free_port()))
    assert httpx.get(f"{page.local_url}health", timeout=PATIENCE).status_code == 200
    page.close()


@contextmanager
def find_temporary_folder(parent: Path) -> Iterator[Path]:
    """Return what an app that starts now would use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(parent))
        with keep_folder() as files:
            yield files


def test_an_app_that_cannot_start_says_why_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = f"app.py: error: port {port} is taken or may not be used; name another\n"
        assert read_refusal("--port", port, temporary=tmp_path) == (2, said)
    (tmp_path / "file").touch()
    status, said = read_refusal(temporary=tmp_path / "file" / "folder")
    assert (status, said.count("\n")) == (2, 1)
    assert said.startswith("app.py: error: Not a directory: ")
    status, said = read_refusal(temporary=tmp_path, VITDEMO_KEPT_SECONDS="-1")
    assert (status, said.splitlines()[-1]) == (
        2,
        "app.py: error: kept_seconds must be a number above 0, got -1.0",
    )


def test_a_disk_that_is_full_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    handled: list[int] = []
    log = logging.getLogger("vitdemo")
    for name in ("handlers", "propagate", "level"):  # the app sets them for good
        monkeypatch.setattr(log, name, getattr(log, name))
    monkeypatch.setattr(logging.getLogger(), "handlers", logging.getLogger().handlers)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(Path, "mkdir", full)
    monkeypatch.setattr(sys, "argv", ["app.py"])
    monkeypatch.setattr(signal, "signal", lambda number, _: handled.append(number))
    with pytest.raises(SystemExit) as stopped:
        serving.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f"app.py: error: No space left on device: {tmp_path}\n"
    assert handled == [signal.SIGTERM, signal.SIGINT], "both end it alike"
