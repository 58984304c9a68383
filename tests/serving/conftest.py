"""One page over small networks behind the real port, for all tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.server import served
from tests.serving.visitor import Visitor
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def url(models: Path) -> Iterator[str]:
    with served(Engine(device="cpu", models_dir=models)) as address:
        yield address


@pytest.fixture
def visitor(url: str) -> Visitor:
    return Visitor(url)
