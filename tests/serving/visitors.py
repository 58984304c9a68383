"""Visitors of a served page, by plain HTTP, and jobs that last until they are told to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.api.networks import PICTURE
from vitdemo.engine import Engine, Progress
from vitdemo.engine.answers.lab import Lab

PATIENCE = 60.0  # seconds, on a machine that does something else as well
FRIEND = "https://friend.example"  # a site whose pages may call the one that is served
SOON = 1.0  # seconds after which a place is free again


class Visitor:
    """A program without a session, or a page with one; `language` as its browser asks."""

    def __init__(self, url: str, *, session: str | None = None, language: str = "en") -> None:
        self.session = session
        self.http = httpx.Client(
            base_url=f"{url}gradio_api/", headers={"accept-language": language}, timeout=PATIENCE
        )

    def ask(self, endpoint: str, *values: Any) -> httpx.Response:
        """Return the server's answer to the question, before that to be listened for."""
        body = {"data": list(values), "session_hash": self.session}
        return self.http.post(f"call/{endpoint}", json=body)

    def begin(self, endpoint: str, *values: Any) -> str:
        answer = self.ask(endpoint, *values)
        assert answer.status_code == 200, answer.text
        return answer.json()["event_id"]

    @contextmanager
    def listen(self, endpoint: str, event: str) -> Iterator[Iterator[str]]:
        """Return the lines of an answer, as they come; after the block the visitor has hung up."""
        with self.http.stream("GET", f"call/{endpoint}/{event}") as stream:
            yield stream.iter_lines()

    def hear(self, endpoint: str, event: str) -> str:
        return self.http.get(f"call/{endpoint}/{event}").text

    def answer(self, endpoint: str, *values: Any) -> str:
        return self.hear(endpoint, self.begin(endpoint, *values))

    def analyse(self, model: str = "vit_cifar10") -> str:
        return self.answer("analyse", send(self), model, 0.0, "")


def send(visitor: Visitor) -> dict[str, Any]:
    """Return the picture, uploaded."""
    with PICTURE.open("rb") as file:
        (path,) = visitor.http.post("upload", files={"files": file}).json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


class Jobs:
    """Sweeps that each hold the machine until they are `done`, or until nobody wants them."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine = engine
        self.done = threading.Event()
        self.begun: list[float] = []
        self.ended: list[float] = []
        monkeypatch.setattr(Lab, "sweep", lambda lab: self.sweep(lab._subject.progress))

    def count_waiting(self) -> int:
        """Return how many wait for the machine."""
        return len(self.engine._pool.compute._line)

    def sweep(self, progress: Progress) -> Any:
        with self.engine._pool.compute.turn(progress) as report:
            self.begun.append(time.monotonic())
            try:
                while not self.done.wait(0.02):
                    report(0.5, "Measuring")
            finally:
                self.ended.append(time.monotonic())
        raise ValueError("the job is done")


def wait_until(true: Callable[[], object], *, seconds: float = PATIENCE) -> float:
    """Wait for it; return how long that took."""
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < seconds, "it never came true"
        time.sleep(0.01)
    return time.monotonic() - start
