"""What axe-core finds is told; the keyboard goes everywhere, and a phone shows first what matters."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.axe import list_grave, load_axe
from tests.browser.conftest import Opener
from tests.browser.looks import DESKTOP, PHONE


def test_axe_would_tell(open_page: Opener, app_url: str) -> None:
    page = open_page(app_url)
    steps.expect_rest(page)
    load_axe(page)
    page.evaluate("document.querySelector('h1').style.color = '#ddd'")
    assert {line.split(":")[0] for line in list_grave(page)} == {"color-contrast"}


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
    load_axe(page)
    assert list_grave(page) == []
    fold.press("Space")
    expect(ratio).to_be_hidden()
    page.set_viewport_size(DESKTOP)
    expect(fold).to_be_hidden()
    expect(ratio).to_be_visible()
