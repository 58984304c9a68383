"""Compiled networks learn and answer as eager ones do, for each number of tokens."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wrong(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What went wrong in each check."""
    runs = tmp_path_factory.mktemp("compiled")
    words = [sys.executable, "-m", "tests.train.compiled", str(data), str(runs)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_compiled_training_is_eager_training(wrong: dict[str, str]) -> None:
    assert wrong["training"] == ""


def test_a_compiled_network_takes_each_number_of_tokens(wrong: dict[str, str]) -> None:
    assert wrong["tokens"] == ""


def test_an_elastic_network_is_compiled_by_the_block_for_any_number_of_tokens(wrong: dict[str, str]) -> None:
    assert wrong["blocks"] == ""
