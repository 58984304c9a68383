"""Compiled networks learn and answer as eager ones do, for each number of tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.forked import Forked
from tests.train.compiled import print_faults
from tests.train.conftest import list_overrides


def run_checks(data: Path, runs: Path, *names: str) -> dict[str, str]:
    """Return what went wrong in each check of these names, "" where nothing did."""
    process = Forked(print_faults, list_overrides(data, runs), list(names))
    assert process.wait() == 0, process.read("stderr")
    return json.loads(process.read("stdout"))


@pytest.fixture(scope="module")
def wrong(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return run_checks(data, tmp_path_factory.mktemp("compiled"), "training", "tokens", "blocks")


@pytest.mark.long
def test_training_by_machine_code_is_eager_training(data: Path, tmp_path: Path) -> None:
    assert run_checks(data, tmp_path, "machine code") == {"machine code": ""}


@pytest.mark.long
def test_what_is_traced_takes_each_number_of_tokens(data: Path, tmp_path: Path) -> None:
    names = ("traced tokens", "traced blocks")
    assert run_checks(data, tmp_path, *names) == dict.fromkeys(names, "")


def test_compiled_training_is_eager_training(wrong: dict[str, str]) -> None:
    assert wrong["training"] == ""


def test_a_compiled_network_takes_each_number_of_tokens(wrong: dict[str, str]) -> None:
    assert wrong["tokens"] == ""


def test_an_elastic_network_is_compiled_by_the_block_for_any_number_of_tokens(wrong: dict[str, str]) -> None:
    assert wrong["blocks"] == ""
