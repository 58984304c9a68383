"""Looking at a result never runs the network again, unless the cache has dropped it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.server import free_port
from vitdemo.engine import Engine, Request
from vitdemo.examples import example_paths
from vitdemo.ui import build, launch_options


@pytest.fixture
def engine() -> Engine:
    """One that keeps a single result: the next picture drops it."""
    return Engine(device="cpu", cache_bytes=1)


@pytest.fixture
def url(engine: Engine) -> Iterator[str]:
    demo = build(engine)
    demo.launch(
        server_name="127.0.0.1",
        server_port=free_port(),
        prevent_thread_lock=True,
        quiet=True,
        **launch_options(),
    )
    yield str(demo.local_url)
    demo.close()


def redrawn(page: Page, change: str) -> None:
    """Do `change` (a key on a selector) and wait for another attention figure."""
    figure = page.locator("#attention-figure img")
    before = figure.get_attribute("src") or ""
    selector, key = change.split(" @ ")
    page.locator(selector).press(key)
    expect(figure).not_to_have_attribute("src", before)


def test_controls_run_no_model_and_an_expired_result_comes_back(
    engine: Engine, url: str, open_page: Opener
) -> None:
    page = open_page(url)
    first = engine.forwards
    assert first > 0
    steps.open_tab(page, "Attention", "#attention-figure img")
    page.locator("#heads button.thumbnail-item").nth(2).click()
    expect(page.locator("#method input")).to_have_value("Per-head rollout")
    expect(page.locator("#layer input[type=range]")).to_be_enabled()
    for change in ("#layer input[type=range] @ ArrowLeft", "#opacity input[type=range] @ ArrowLeft"):
        redrawn(page, change)
    steps.choose_dense(page)
    steps.click_patch(page, 1, 1)
    expect(page.locator("#query-note")).to_contain_text("From patch 9")
    steps.open_tab(page, "Tokens", "#scores img")
    steps.open_tab(page, "How it works", "#step-figure img")
    page.locator("#step-next").click()
    expect(page.locator("#step-text .quiet")).to_contain_text("Step 2")
    assert engine.forwards == first

    engine.analyse(Request(example_paths()["frog"]))  # another visitor's picture takes the place
    later = engine.forwards
    page.get_by_role("tab", name="Attention").click()
    redrawn(page, "#opacity input[type=range] @ ArrowLeft")
    assert engine.forwards > later
