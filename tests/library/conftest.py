"""A small network that a program asks, and the engine over the same folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import vitdemo
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def network(models: Path) -> vitdemo.Network:
    return vitdemo.load("dynamicvit_cifar10", models_dir=models, device="cpu")


@pytest.fixture(scope="session")
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)
