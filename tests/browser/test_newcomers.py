"""What helps who is here for the first time: the tour, words and their meanings, and where all comes from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.bundled import start_bundled
from tests.browser.chromium import PATIENCE
from tests.browser.conftest import Opener

A_PERSON = "Object.defineProperty(navigator, 'webdriver', { get: () => false })"
SPOT = """() => {
  const box = (selector) => document.querySelector(selector).getBoundingClientRect();
  const [spot, target] = [box(".tour .spot"), box("%s")];
  return Math.abs(spot.x - target.x) < 2 && Math.abs(spot.y - target.y) < 2 && spot.width > 50;
}"""


@pytest.fixture
def person(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that nobody steers, as far as a page can tell."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    context.add_init_script(A_PERSON)
    yield context
    context.close()


def visit(context: BrowserContext, query: str = "", *, motion: bool = True) -> Page:
    """Return a page that has read its address."""
    page = context.new_page()
    page.emulate_media(reduced_motion="no-preference" if motion else "reduce")
    page.goto(start_bundled()[1] + query)
    page.locator("body[data-opened]").wait_for()
    return page


def test_the_tour_comes_once_and_only_to_who_may_want_it(person: BrowserContext) -> None:
    for page in (visit(person, "?example=ship"), visit(person, motion=False)):
        page.wait_for_timeout(300)
        expect(page.get_by_role("dialog")).to_be_hidden()
        page.close()
    page = visit(person)
    expect(page.get_by_role("dialog", name="Patches fall away")).to_be_visible()
    page.get_by_role("button", name="Leave").click()
    page.close()
    page = visit(person)
    page.wait_for_timeout(300)
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_tour_has_five_steps_and_needs_no_mouse(open_page: Opener) -> None:
    page = open_page(start_bundled()[1])
    expect(page.get_by_role("dialog")).to_be_hidden()
    start = page.get_by_role("button", name="Tour")
    start.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    for step, target in enumerate(
        (".film", "#headline", "#ratio", "#picture", "#tabs [role=tablist]"), start=1
    ):
        expect(dialog.locator(".count")).to_have_text(f"{step} of 5")
        page.wait_for_function(SPOT % target)
        expect(dialog.locator(".next")).to_be_focused()
        page.keyboard.press("ArrowRight" if step == 2 else "Enter" if step < 5 else "ArrowLeft")
    expect(dialog.locator(".count")).to_have_text("4 of 5")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(start).to_be_focused()


def test_a_word_tells_what_it_means(open_page: Opener) -> None:
    page = open_page(start_bundled()[1])
    words = page.locator(".terms button")
    expect(words).to_have_text(
        ["Patch", "Token", "Attention", "Head", "Layer", "Rollout", "Pruning ratio", "Dense"]
    )
    dense, meaning = words.last, page.locator(".terms .meaning").last
    expect(dense).to_have_accessible_description(
        "Without pruning: every patch goes through the whole network."
    )
    expect(meaning).to_be_hidden()
    dense.hover()
    expect(meaning).to_be_visible()
    page.mouse.move(0, 0)
    expect(meaning).to_be_hidden()
    dense.press("Enter")
    expect(meaning).to_be_visible()
    page.keyboard.press("Escape")
    expect(meaning).to_be_hidden()
    expect(page.locator("#foot a")).to_have_text(
        ["ViT", "DynamicViT", "Linear attention", "vitdemo.zip", "Apache 2.0"]
    )


WORD = """([place, text]) => {
  for (const range of CSS.highlights.get("term")) {
    const seen = document.querySelector(place).contains(range.startContainer);
    const box = range.getBoundingClientRect();
    if (seen && box.width && String(range) === text) {
      range.startContainer.parentElement.scrollIntoView({ block: "center" });
      const { x, y, width, height } = range.getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    }
  }
  return null;
}"""


@pytest.mark.parametrize(
    ("tab", "word", "meaning"),
    [
        ("Prediction", "Dense", "Without pruning: every patch"),
        ("Attention", "layers", "Attention, then a small network"),
        ("Trust", "Patches", "A square piece of the picture"),
    ],
)
def test_a_word_tells_its_meaning_where_it_stands_in_a_tab(
    open_page: Opener, tab: str, word: str, meaning: str
) -> None:
    page = open_page(start_bundled()[1])
    page.get_by_role("tab", name=tab).click()
    place = page.wait_for_function(WORD, arg=[f"#tab-{tab.lower()}", word]).json_value()
    page.mouse.move(*place)
    shown = page.locator(".terms .meaning:popover-open")
    expect(shown).to_contain_text(meaning)
    page.mouse.move(0, 0)
    expect(shown).to_have_count(0)
