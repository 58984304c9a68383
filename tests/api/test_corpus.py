"""Every file of the corpus over HTTP, as a program uploads it: numbers, or one sentence without a path."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from gradio_client import Client
from httpx import Client as Web
from PIL import Image

from tests.api.networks import DYNAMIC
from tests.corpus import assert_told, make_corpus
from vitdemo.engine import Engine, Request

MANY = 50  # files of one upload
PATIENCE = 60.0  # seconds


@contextmanager
def open_web(url: str) -> Iterator[Web]:
    with Web(base_url=f"{url.rstrip('/')}/gradio_api", timeout=PATIENCE) as web:
        yield web


def upload_all(web: Web, names: list[str]) -> dict[str, str]:
    """Name -> the place that the server gave the file."""
    places: dict[str, str] = {}
    for start in range(0, len(names), MANY):
        part = names[start : start + MANY]
        files = [("files", (is_plain(name), make_corpus()[name].data)) for name in part]
        places |= dict(zip(part, web.post("/upload", files=files).raise_for_status().json(), strict=True))
    return places


def is_plain(name: str) -> str:
    """Return what can be sent; a name that is no text is for the disk alone."""
    return name.encode("utf-8", "replace").decode()


def answer(web: Web, place: str) -> tuple[str, Any]:
    """Return the event that ends the call, and its data."""
    image = {"path": place, "meta": {"_type": "gradio.FileData"}}
    body = {"data": [image, DYNAMIC, 0.3, ""], "session_hash": "corpus"}
    event = web.post("/call/analyse", json=body).raise_for_status().json()["event_id"]
    lines = web.get(f"/call/analyse/{event}").raise_for_status().text.strip().splitlines()
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)])
def test_every_file_is_answered(client: Client, engine: Engine, step: int) -> None:
    """Here every third of them, and all where there is time: the engine is asked about all of them."""
    seen = {"complete": 0, "error": 0}
    with open_web(str(client.src)) as web:
        places = upload_all(web, list(make_corpus())[::step])
        for name, place in places.items():
            entry, (event, data) = make_corpus()[name], answer(web, place)
            seen[event] += 1
            if event == "complete":
                assert entry.pixels is not None or entry.size is not None, f"{name}: {data}"
                labels = data[0]["dense"]["labels"]
                assert len(labels) == 5
                if entry.pixels is not None and not entry.off:
                    same = Request(Image.fromarray(entry.pixels.astype("uint8")), DYNAMIC, 0.3)
                    assert labels == pytest.approx(dict(engine.open(same).analysis.dense.top[:5]), abs=1e-6)
            else:
                told = data["error"] if isinstance(data, dict) else data
                assert_told(entry, told)
                assert os.path.dirname(place) not in told  # noqa: PTH120 - a place on the server
        assert min(seen.values()) > 60 / step
        sound = next(name for name in places if make_corpus()[name].pixels is not None)
        assert answer(web, places[sound])[0] == "complete", "it goes on"
