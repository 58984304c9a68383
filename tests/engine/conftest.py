from pathlib import Path

import pytest

from tests.engine.bundle import LAB_MODEL, Net, draw_picture, load_directly, write_models
from vitdemo.engine import Engine, Request, Result


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)


@pytest.fixture
def result(engine: Engine) -> Result:
    """What the laboratory begins with."""
    return engine.open(Request(draw_picture(), LAB_MODEL, 0.3))


@pytest.fixture(scope="module")
def net(models: Path) -> Net:
    """The same network and picture, without the engine."""
    return load_directly(models, LAB_MODEL, draw_picture())
