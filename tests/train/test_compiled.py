"""Compiled networks learn and answer as eager ones do, for each number of tokens."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run_checks(data: Path, runs: Path, *names: str) -> dict[str, str]:
    """Return what went wrong in each check of these names, "" where nothing did."""
    words = [sys.executable, "-m", "tests.train.compiled", str(data), str(runs), *names]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def wrong(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return run_checks(data, tmp_path_factory.mktemp("compiled"), "training", "tokens", "blocks")


@pytest.mark.long
def test_training_by_machine_code_is_eager_training(data: Path, tmp_path: Path) -> None:
    assert run_checks(data, tmp_path, "machine code") == {"machine code": ""}


def test_compiled_training_is_eager_training(wrong: dict[str, str]) -> None:
    assert wrong["training"] == ""


def test_a_compiled_network_takes_each_number_of_tokens(wrong: dict[str, str]) -> None:
    assert wrong["tokens"] == ""


def test_an_elastic_network_is_compiled_by_the_block_for_any_number_of_tokens(wrong: dict[str, str]) -> None:
    assert wrong["blocks"] == ""
