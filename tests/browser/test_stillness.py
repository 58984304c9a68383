"""Nothing jumps: the browser's own layout-shift entries, and the place of the picture in every frame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.chromium import PATIENCE
from tests.browser.server import quick_models, serve_page
from tests.browser.shifts import WATCH, sum_shifts
from vitdemo.engine import Engine
from vitdemo.ui import analyse_first_view

GOOD = 0.1  # of web.dev's Cumulative Layout Shift, which counts a window of 5 seconds; here all of the visit
TABS = {  # name -> what shows that it is filled
    "Attention": ".attention[data-ready=ready]",
    "Features": ".features[data-ready=ready]",
    "Tokens": "#scores img",
    "Trust": ".trust .sentence",
    "Inside": "#step-figure img",
    "Compare": "#compare-kept img",
    "Prediction": "#class-maps img",
}
# Runs before the page does.
PLACES = """() => {
    window.places = new Set();
    (function look() {
        const box = document.querySelector("#picture")?.getBoundingClientRect();
        if (box) window.places.add([box.x, box.y, box.width, box.height].map(Math.round).join());
        requestAnimationFrame(look);
    })();
}"""


@pytest.fixture
def url() -> Iterator[str]:
    """Of a page that opens with a result, as that of app.py does."""
    engine = Engine(device="cpu", models_dir=quick_models())
    with serve_page(engine, first=analyse_first_view(engine)) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(f"({WATCH})(); ({PLACES})();")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.locator("#headline .answer").wait_for()
    yield page
    context.close()


def list_places(page: Page) -> list[str]:
    """Return each place that the picture had in some frame."""
    return page.evaluate("[...window.places]")


@pytest.mark.timing
def test_a_visit_without_a_jump(page: Page) -> None:
    expect(page.locator("#class-maps img")).to_have_count(1)
    assert sum_shifts(page) < GOOD
    steps.choose_example(page, "cat")
    expect(page.locator("#headline .answer b")).to_have_text("cat")
    for name, shown in TABS.items():
        steps.open_tab(page, name, shown)
        assert sum_shifts(page) < GOOD, name
    assert len(list_places(page)) == 1

    page.evaluate("document.querySelector('#top').style.marginTop = '300px'")  # a jump is seen as one
    assert sum_shifts(page) > GOOD
    assert len(list_places(page)) == 2
