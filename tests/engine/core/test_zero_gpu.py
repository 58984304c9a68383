"""Where the package `spaces` lends a GPU, passes go through it; a stand-in sends them by pickle."""

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
import pickle, torch
assert not torch.cuda.is_initialized()
CALLS = []

def GPU(task):
    def lent(*values):  # as to another process and back
        CALLS.append(values[0].__name__)
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
    sys.modules.pop("spaces", None)


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


def test_the_passes_go_through_the_gpu_that_is_lent_and_find_the_same(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = write_small_models(tmp_path / "models")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before, *expected = look(models)
    load("true")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # the package has it so
    forwards, *found = look(models)
    passes = ["run", "record_gradients", "record_relevance", "record_relevance"]
    assert passes == sys.modules["spaces"].CALLS, "the first picture is there before the page"
    assert (before, forwards) == (4, 2), "passes elsewhere are not counted"
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)


@pytest.mark.parametrize("lends", ["", "0", "false"])
def test_nothing_is_imported_where_nothing_is_lent(lends: str, load: Load, tmp_path: Path) -> None:
    """The package may be there, or a folder of that name."""
    module = load(lends)
    assert "spaces" not in sys.modules
    assert module.pass_on.__module__ == module.__name__


def test_a_folder_of_the_packages_name_is_one_sentence(load: Load, tmp_path: Path) -> None:
    (tmp_path / "spaces.py").unlink()
    (tmp_path / "spaces").mkdir()
    with pytest.raises(ValueError, match=r"^SPACES_ZERO_GPU is set, but what is imported as spaces is not"):
        load("1")
