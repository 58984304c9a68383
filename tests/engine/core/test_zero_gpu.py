"""Where the package `spaces` is, passes go through the GPU that it lends; a stand-in sends them by pickle."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.small_bundle import write_small_models
from vitdemo.engine import Engine, Request
from vitdemo.engine.core import pool, zero_gpu
from vitdemo.examples import example_paths

STAND_IN = """
import os, pickle, torch
assert not torch.cuda.is_initialized()
CALLS = []

def GPU(task):
    def lent(*values):
        CALLS.append(values[0].__name__)
        if not os.environ["SPACES_ZERO_GPU"]:
            return task(*values)
        # As to another process and back.
        return pickle.loads(pickle.dumps(task(*pickle.loads(pickle.dumps(values)))))
    return lent
"""
MODEL = "dynamicvit_cifar10"
Load = Callable[[str], ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """How the module is loaded anew, for a machine on which the package is, and lends or does not."""
    (tmp_path / "spaces.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path)

    def loaded(lends: str) -> ModuleType:
        monkeypatch.setenv("SPACES_ZERO_GPU", lends)
        spec = importlib.util.spec_from_file_location("zero_gpu_again", zero_gpu.__file__)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(module, "DEVICE", "cpu")
        monkeypatch.setattr(pool, "zero_gpu", module)
        return module

    yield loaded
    del sys.modules["spaces"]


def look(models: Path) -> list[torch.Tensor]:
    """Return what an engine finds on two pictures, and what speaks for the class of the second."""
    engine = Engine(models_dir=models)
    assert str(engine._pool.device) == "cpu"
    engine.open(Request(example_paths()["cat"], MODEL, 0.3))
    result = engine.open(Request(example_paths()["ship"], MODEL, 0.3))
    before = engine.forwards
    maps = [torch.tensor(one.total) for one in result.classes("ship")]
    entry = result._subject.entry
    assert entry.pruned is not None
    return [torch.tensor(before), *maps, *entry.dense.attn, *entry.pruned.attn]


@pytest.mark.parametrize("lends", ["true", ""])
def test_the_passes_go_through_the_gpu_that_is_lent_and_find_the_same(
    lends: str, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = write_small_models(tmp_path / "models")
    _, *expected = look(models)
    load(lends)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(lends))  # the package has it so
    forwards, *found = look(models)
    assert sys.modules["spaces"].CALLS == ["run", "record_pass"], "the first picture is there before the page"
    assert forwards == (2 if lends else 4), "passes elsewhere are not counted"
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)


def test_nothing_is_imported_where_the_package_is_not() -> None:
    assert "spaces" not in sys.modules
    assert zero_gpu.pass_on.__module__ == zero_gpu.__name__
