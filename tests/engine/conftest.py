import copy
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.bundle import KEYS, LAB_MODEL, Net, draw_picture, load_directly, load_once, write_models
from vitdemo.engine import Engine, Request, Result
from vitdemo.engine.answers import sweep
from vitdemo.engine.core import pool
from vitdemo.weights import LoadedModel, load_model


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def models(bundle: Path) -> Path:
    return bundle


@pytest.fixture(scope="session", autouse=True)
def loaded_once(bundle: Path) -> Iterator[None]:
    """All engines share the networks of the bundle, and each counts its own passes."""

    def load(name: Any, *, models_dir: Path | None, **options: Any) -> LoadedModel:
        if models_dir != bundle or name not in KEYS:
            return load_model(name, models_dir=models_dir, **options)
        loaded = load_once(bundle, name)
        model = copy.copy(loaded.model)
        model._forward_pre_hooks = OrderedDict()
        return replace(loaded, model=model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "load_model", load)
        yield


@pytest.fixture(autouse=True)
def one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep measures each of its many passes once."""
    monkeypatch.setattr(sweep, "ROUNDS", (1, 1))


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
