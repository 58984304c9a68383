"""Looking at a result never runs the network again, unless the cache has dropped it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.server import served
from vitdemo.engine import Engine, Request
from vitdemo.examples import example_paths


@pytest.fixture
def engine() -> Engine:
    """One that keeps a single result: the next picture drops it."""
    return Engine(device="cpu", cache_bytes=1)


@pytest.fixture
def url(engine: Engine) -> Iterator[str]:
    with served(engine) as address:
        yield address


def test_controls_run_no_model_and_an_expired_result_comes_back(
    engine: Engine, url: str, open_page: Opener
) -> None:
    page = open_page(url)
    page.locator("#class-maps img").first.wait_for()  # the last of what an opened page asks for
    first = engine.forwards
    assert first > 0
    explorer = steps.open_explorer(page)
    explorer.get_by_role("gridcell", name="layer 1, head 2").click()  # before any patch is dropped
    assert steps.explorer_state(page) | {"method": "head-rollout", "layer": 1, "head": 2} == (
        steps.explorer_state(page)
    )
    for control in ("layer", "discard", "opacity"):
        before = steps.explorer_state(page)[control]
        key = "ArrowLeft" if before else "ArrowRight"
        explorer.locator(f"input[data-control={control}]").press(key)
        assert steps.explorer_state(page)[control] != before
    steps.click_patch(page, 9)
    steps.expect_shown_query(page, 9)
    steps.open_tab(page, "Tokens", "#scores img")
    steps.open_tab(page, "Inside", "#step-figure img")
    page.locator("#step-next").click()
    expect(page.locator("#step-text .quiet")).to_contain_text("Step 2")
    assert engine.forwards == first

    engine.analyse(Request(example_paths()["frog"]))  # another visitor's picture takes the place
    later = engine.forwards
    page.get_by_role("tab", name="Attention").click()
    steps.click_patch(page, 12)  # the browser has all that it needs
    steps.expect_shown_query(page, 12)
    assert engine.forwards == later
    page.get_by_role("tab", name="Inside").click()
    page.locator("#step-next").click()
    expect(page.locator("#step-text .quiet")).to_contain_text("Step 3")
    assert engine.forwards > later
