"""What a page without uploads looks like, and that it works."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Opener
from tests.browser.server import serve_page
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine
from vitdemo.limits import Limits

Shown = tuple[Engine, str]


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Shown]:
    engine = Engine(device="cpu", models_dir=write_small_models(tmp_path))
    with serve_page(engine, limits=Limits(upload_megabytes=0)) as url:
        yield engine, url


def test_it_shows_no_way_to_upload_and_its_examples_work(read_only: Shown, open_page: Opener) -> None:
    engine, url = read_only
    page = open_page(url)
    assert page.locator("input[type=file]").count() == 0
    assert not page.locator("#several").is_visible()
    assert page.locator("#sources").inner_text() == "This page takes no uploads."
    before = engine.forwards
    page.locator("#examples button.thumbnail-item").nth(8).click()
    page.locator("#note", has_text="ship").wait_for()
    page.wait_for_function("() => document.querySelector('#picture img').src.endsWith('ship.webp')")
    deadline = time.monotonic() + 60
    while engine.forwards == before and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert engine.forwards > before
    page.locator("#headline .answer").wait_for()
