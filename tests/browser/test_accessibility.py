"""axe-core finds nothing serious on any tab, light and dark, desktop, phone; the keyboard goes everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.looks import DESKTOP, PHONE, paint, resize

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
# Off unless asked for: what is read out contains what is written on it.
EVERY = {"rules": {"label-content-name-mismatch": {"enabled": True}}}
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
RUN = """options => axe.run(document, { resultTypes: ["violations"], ...options })
    .then(({ violations }) => violations)"""
GRAVE = ("serious", "critical")
TABS = {
    "Prediction": "#class-maps img",
    "Attention": ".attention[data-ready=ready]",
    "Features": ".features[data-ready=ready]",
    "Tokens": "#scores img",
    "Trust": ".trust .sentence",
    "Inside": "#step-figure img",
    "Compare": "#compare-result table",
}


def list_grave(found: list[dict[str, Any]]) -> list[str]:
    """Return a line for each place with a finding that is serious or worse."""
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


def expect_accessible(page: Page) -> None:
    """In each size and colour scheme, where only the colours are others."""
    steps.expect_rest(page)
    for size in (PHONE, DESKTOP):
        resize(page, size)
        for dark, rules in ((True, EVERY), (False, OF_COLOURS)):
            paint(page, dark=dark)
            assert list_grave(page.evaluate(RUN, rules)) == [], (size, dark)


def unfold(page: Page, tab: str) -> None:
    """All sections of the open tab, whose contents come."""
    for button in page.get_by_role("tabpanel", name=tab).locator("button.label-wrap").all():
        button.press("Enter")


def test_no_tab_has_a_serious_finding(open_page: Opener, app_url: str) -> None:
    page = open_page(app_url)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for tab, shown in TABS.items():
        steps.open_tab(page, tab, shown)
        unfold(page, tab)
        expect_accessible(page)


def test_axe_would_tell(open_page: Opener, app_url: str) -> None:
    page = open_page(app_url)
    steps.expect_rest(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.evaluate("document.querySelector('h1').style.color = '#ddd'")
    assert {line.split(":")[0] for line in list_grave(page.evaluate(RUN, EVERY))} == {"color-contrast"}


def test_pictures_of_a_gallery_have_names(open_page: Opener, app_url: str) -> None:
    page = open_page(app_url)
    for name in ("airplane", "truck"):
        expect(page.locator("#examples").get_by_role("button", name=name, exact=True)).to_be_visible()
    steps.unfold_maps(page)
    maps = page.locator(":is(#class-maps, #other-maps) button.thumbnail-item")
    expect(maps.first).to_have_accessible_name(maps.first.locator("img").get_attribute("alt") or "-")
    expect(page.locator("[aria-label^='Thumbnail ']")).to_have_count(0)
    maps.first.locator("img").evaluate("image => { image.alt = 'another picture'; }")
    expect(maps.first).to_have_accessible_name("another picture")


def test_the_first_stop_of_the_keyboard_leads_to_the_answer(open_page: Opener, app_url: str) -> None:
    page = open_page(app_url)
    address = page.url
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the answer")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#headline")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Knows 10 words")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("list", name="All words that this network knows")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("tab", name="Prediction")).to_be_focused()
    assert page.url == address


def test_a_phone_shows_what_is_found_before_what_can_be_set(
    open_page: Opener, app_url: str, artefacts: Path
) -> None:
    page = open_page(app_url, **PHONE)
    steps.expect_rest(page)
    page.screenshot(path=artefacts / "phone-first.png")
    boxes = [page.locator(part).bounding_box() for part in ("#headline", "#familiarity", "#picture", "#tabs")]
    tops = [box["y"] for box in boxes if box]
    assert len(tops) == 4
    assert tops == sorted(tops)
    assert tops[-1] + 120 < PHONE["height"], "all tabs are in sight"
    fold, ratio = page.get_by_role("button", name="Examples and settings"), page.locator("#ratio")
    expect(ratio).to_be_hidden()
    fold.press("Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(ratio).to_be_visible()
    page.screenshot(path=artefacts / "phone-settings.png", full_page=True)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert list_grave(page.evaluate(RUN)) == []
    fold.press("Space")
    expect(ratio).to_be_hidden()
    page.set_viewport_size(DESKTOP)
    expect(fold).to_be_hidden()
    expect(ratio).to_be_visible()
