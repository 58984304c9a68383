"""One page over small networks, in this process, and the real client that asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file

from tests.api.networks import PICTURE, write_models
from tests.browser.server import serve_page
from vitdemo.engine import Engine

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)


@pytest.fixture(scope="session")
def client(engine: Engine) -> Iterator[Client]:
    with serve_page(engine) as url:
        yield Client(url, verbose=False)


@pytest.fixture(scope="session")
def ask(client: Client) -> Ask:
    """`ask(endpoint, **parameters)` about the picture of a ship."""
    return lambda endpoint, **given: client.predict(
        api_name=endpoint, **{"image": handle_file(str(PICTURE)), **given}
    )
