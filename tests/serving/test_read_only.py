"""A page without uploads: it shows no way to, and its port takes none."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.networks import PICTURE
from tests.ports import free_port
from tests.serving.visitor import API, Call, Visitor
from vitdemo.engine import Engine
from vitdemo.examples import KINDS
from vitdemo.serving.options import parse
from vitdemo.serving.server import launch
from vitdemo.ui import build
from vitdemo.ui.kit.words import FOREIGN


@pytest.fixture(scope="module")
def read_only(models: Path) -> Iterator[str]:
    options = parse(["--read-only", "--port", str(free_port()), "--device", "cpu"])
    page = build(Engine(device="cpu", models_dir=models), limits=options.limits)
    launch(page, options)
    yield str(page.local_url)
    page.close()


def ask(visitor: Visitor, path: object) -> str:
    return visitor.ask(Call(visitor.find_event("analyse"), [{"path": path}, "vit_cifar10", 0.0, ""]))[0]


def test_the_port_takes_no_uploads(read_only: str) -> None:
    visitor = Visitor(read_only)
    sent = visitor.http.post(f"{API}/upload", files={"files": ("a.webp", PICTURE.read_bytes())})
    assert (sent.status_code, sent.json()) == (403, {"detail": "This server takes no uploads."})
    smuggled = Path(os.environ["GRADIO_TEMP_DIR"]) / "smuggled.webp"  # as MCP would leave one there
    smuggled.write_bytes(PICTURE.read_bytes())
    data = "data:image/webp;base64," + base64.b64encode(PICTURE.read_bytes()).decode("ascii")
    for path in (str(smuggled), str(PICTURE), data):
        assert FOREIGN in ask(visitor, path)


def test_examples_are_analysed(read_only: str) -> None:
    visitor = Visitor(read_only)
    first = visitor.list_inputs(visitor.find_event("answer"))[0]["path"]
    assert '"labels"' in ask(visitor, first)
    click = {"index": 8, "value": None}
    (chosen,) = visitor.ask(Call(visitor.find_event("select_example"), ["vit_cifar10"], click))
    ship, *offered = [part.split('"')[0] for part in chosen.split('"path":"')[1:]]
    assert ship.endswith("ship.webp")
    assert len(offered) == len(KINDS)  # the thumbnails
    assert '"labels"' in ask(visitor, ship)
