"""A page over small networks behind the real port, what tests ask it with, and jobs that last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

from tests.browser.server import serve_page
from tests.serving.visitor import Visitor
from tests.serving.visitors import FRIEND, Jobs, wait_until
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine
from vitdemo.serving.queue import FairQueue


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)


@pytest.fixture(scope="module")
def pages() -> Iterator[list[gr.Blocks]]:
    """Those that were launched, the last one last."""
    found: list[gr.Blocks] = []
    launch = gr.Blocks.launch

    def noted(page: gr.Blocks, **options: object) -> object:
        launched = launch(page, **options)  # type: ignore[arg-type]
        found.append(page)
        return launched

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gr.Blocks, "launch", noted)
        yield found


@pytest.fixture(scope="module")
def url(engine: Engine, pages: list[gr.Blocks]) -> Iterator[str]:
    with serve_page(engine, origins=(FRIEND,)) as address:
        yield address


@pytest.fixture
def visitor(url: str) -> Visitor:
    return Visitor(url)


@pytest.fixture
def page(url: str, pages: list[gr.Blocks]) -> gr.Blocks:
    return pages[-1]


@pytest.fixture
def jobs(engine: Engine, page: gr.Blocks, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jobs]:
    """All of them are over when the test is."""
    made = Jobs(engine, monkeypatch)
    yield made
    made.done.set()
    line = page._queue
    assert isinstance(line, FairQueue)
    wait_until(lambda: not line.list_pending())
