"""What `tools.cold_start` asks, the app answers."""

from __future__ import annotations

from pathlib import Path

from tests.browser.server import serve_page
from tests.small_bundle import write_small_models
from tools.cold_start import ask, is_there
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine


def test_it_gets_an_answer_to_a_picture_of_its_own(tmp_path: Path) -> None:
    with serve_page(Engine(device="cpu", models_dir=write_small_models(tmp_path))) as url:
        assert is_there(url)
        assert ask(url) in CIFAR10_CLASSES
    assert not is_there(url)
