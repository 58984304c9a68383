"""What a page without uploads looks like, and that it works."""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import Opener
from tests.browser.server import served
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine
from vitdemo.limits import Limits


def test_the_page_shows_no_way_to_upload_and_examples_work(open_page: Opener, tmp_path: Path) -> None:
    engine = Engine(device="cpu", models_dir=write_small_models(tmp_path))
    with served(engine, limits=Limits(upload_megabytes=0)) as url:
        page = open_page(url)
        assert page.locator("input[type=file]").count() == 0
        assert not page.locator("#several").is_visible()
        before = engine.forwards
        page.locator("#examples button.thumbnail-item").nth(8).click()
        page.locator("#note", has_text="ship").wait_for()
        page.wait_for_function("() => document.querySelector('#picture img').src.endsWith('ship.webp')")
        page.locator("#headline .answer").wait_for()
        page.wait_for_load_state("networkidle")
        assert engine.forwards > before
        page.goto("about:blank")  # before its server stops
