from pathlib import Path

import pytest

from tests.engine.bundle import write_models
from vitdemo.engine import Engine


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)
