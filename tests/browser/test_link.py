"""A link brings everything back, in another browser and after a restart; the address bar is that link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.bundled import load_config, start_bundled
from tests.browser.conftest import Opener
from tests.browser.looks import DESKTOP, PHONE, paint, photograph, resize
from tests.browser.server import quick_models, serve_page
from vitdemo.engine import Engine
from vitdemo.examples import example_paths

LOOK = {"method": "raw-attention", "layer": 2, "head": 1, "direction": "in", "pass": "dense", "query": 17}
LINK = {
    "example": "ship",
    "model": "vit_cifar10",
    "ratio": "35",
    "selector": "random",
    "reduction": "tome",
    "tab": "attention",
    "method": "raw-attention",
    "layer": "2",
    "head": "1",
    "direction": "in",
    "pass": "dense",
    "query": "17",
    "fusion": "max",
    "discard_ratio": "0.2",
}
# history.length ends at 50, which a page that many tests use has soon reached.
COUNT_STEPS = """() => {
  const push = history.pushState;
  window.historySteps = 0;
  history.pushState = function (...step) {
    window.historySteps += 1;
    return push.apply(this, step);
  };
}"""
STAYS = {"fusion": "max", "discard_ratio": 0.2}


def read_address(page: Page) -> dict[str, str]:
    """Return the parameters in the address bar."""
    return dict(parse_qsl(urlsplit(page.url).query))


def expect_address(page: Page, **parameters: str | None) -> None:
    """The address bar soon has these, in any order and among others; None = not there."""
    page.wait_for_function(
        "wanted => wanted.every(([name, value]) => new URLSearchParams(location.search).get(name) === value)",
        arg=[list(pair) for pair in parameters.items()],
    )


@pytest.fixture
def second() -> Iterator[str]:
    """Another start of the app; it outlives the page that looks at it."""
    with serve_page(Engine(device="cpu", models_dir=quick_models())) as url:
        yield url


def test_all_that_is_shown_comes_back_after_a_restart(
    second: str, open_page: Opener, artefacts: Path
) -> None:
    first = start_bundled()[1]
    page = open_page(f"{first}?__theme=dark&from=mail")
    expect_address(page, example="airplane", model="dynamicvit_cifar10", ratio="30", tab="prediction")
    steps.choose_example(page, "ship")
    steps.choose(page, "model", "Standard ViT · CIFAR-10")
    expect(page.locator("#headline p.quiet")).to_contain_text("Standard ViT")
    steps.choose(page, "selector", "Random")
    steps.choose(page, "reduction", "Merged in pairs, no selector (ToMe)")
    page.locator("#ratio input[type=range]").press("ArrowRight")
    steps.expect_analysed(page, [64, 41, 27, 17])
    answer = page.locator("#headline .answer").inner_text()
    steps.open_attention(page)
    steps.show_attention(page, **LOOK, **STAYS)
    expect_address(page, **LINK)
    link = page.url
    assert read_address(page) == {"__theme": "dark", "from": "mail", **LINK}

    expect(page.locator(".film .caption")).to_have_text("After stage 3: 64 patches in 17 tokens")

    page = open_page(link.replace(first, second))
    attention = page.locator(".attention")
    expect(attention).to_have_attribute("data-ready", "ready")
    expect(page.locator("#headline .answer")).to_have_text(answer.replace("\n", ""))
    steps.expect_analysed(page, [64, 41, 27, 17])
    expect(page.locator("#headline p.quiet")).to_contain_text("Standard ViT")
    expect(page.locator("#note")).to_have_text("Example: ship")
    expect(page.locator("#examples .thumbnail-item.selected")).to_have_count(1)
    expect(page.locator("#model input")).to_have_value(re.compile("Standard ViT"))
    expect(page.locator("#selector input")).to_have_value("Random")
    expect(page.locator("#reduction input")).to_have_value("Merged in pairs, no selector (ToMe)")
    expect(page.locator("#ratio input[type=number]")).to_have_value("35")
    assert steps.read_live_tokens(page) == [64, 41, 27, 17]
    assert {**LOOK, **STAYS}.items() <= steps.read_attention_state(page).items()
    expect(page.locator("#tab-attention-button")).to_have_attribute("aria-selected", "true")
    assert page.locator(".toast-body").count() == 0
    page.wait_for_timeout(600)
    assert read_address(page) == {"__theme": "dark", "from": "mail", **LINK}
    photograph(page, artefacts / "link-restored-dark.png")


def test_a_size_is_chosen_by_keyboard_and_is_in_the_link(open_page: Opener) -> None:
    page = open_page(f"{start_bundled()[1]}?size=24&ratio=0")
    steps.expect_analysed(page, [36])
    expect(page.locator("#size input")).to_have_value(
        re.compile(r"^24 × 24, 36 patches, 0\.5\d? × the work$")
    )
    expect(page.locator("#familiarity")).to_contain_text("Read at 24 × 24 pixels, not at the 32 × 32")
    page.wait_for_timeout(1100)  # quick changes are one step of the history
    page.locator("#size input").focus()
    for key in ("ArrowDown", "Enter"):
        page.keyboard.press(key)
    steps.expect_analysed(page, [144])
    assert steps.read_live_tokens(page) == [144]
    expect_address(page, size="48", ratio="0")
    page.go_back()
    steps.expect_analysed(page, [36])
    assert steps.read_live_tokens(page) == [36]
    steps.choose(page, "size", "Its own: 32 × 32, 64 patches")
    steps.expect_analysed(page, [64])
    expect_address(page, size=None)
    expect(page.locator("#familiarity")).not_to_contain_text("Read at")


def test_the_attention_tab_is_in_the_link_without_a_server(open_page: Opener) -> None:
    page = open_page(f"{start_bundled()[1]}?tab=tokens&method=raw-attention&layer=3&patch=9")
    steps.open_attention(page)
    assert {"method": "raw-attention", "layer": 3, "query": 9}.items() <= steps.read_attention_state(
        page
    ).items()
    expect_address(page, tab="attention", layer="3", head="all", query="9", patch=None)
    page.wait_for_timeout(500)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.locator(".attention input[data-control=layer]").press("ArrowLeft")
    steps.click_patch(page, 9)
    expect_address(page, layer="2", method="raw-attention", query=None)
    assert not requests


def test_wrong_values_are_named_and_left_out_one_by_one(open_page: Opener) -> None:
    wrong = {"example": "<b>boat", "ratio": "33", "layer": "99", "method": "magic"}
    query = "&".join(f"{name}={value}" for name, value in wrong.items())
    page = open_page(f"{start_bundled()[1]}?{query}&head=2&tab=attention&colour=red")
    for name, value in wrong.items():
        expect(page.locator(".toast-body")).to_contain_text(f"{name}={value} was left out")
    expect(page.locator(".attention")).to_have_attribute("data-ready", "ready")
    assert steps.read_attention_state(page)["head"] == 2
    last = str(load_config().depth - 1)
    expect_address(page, example="airplane", ratio="30", head="2", tab="attention", colour="red", layer=last)


@pytest.fixture(scope="module")
def phone(open_once: Opener) -> Page:
    """A page for both tests below."""
    return open_once(f"{start_bundled()[1]}?tab=compare", dark=True, **PHONE)


def test_the_button_copies_and_says_what_is_missing(phone: Page, artefacts: Path) -> None:
    """On a phone, then on a desktop."""
    page = phone
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button, status = page.get_by_role("button", name="Copy link"), page.locator("#link [role=status]")
    expect_address(page, example="airplane")
    expect(status).to_have_text("")
    steps.upload(page, example_paths()["frog"])
    expect(page.locator("#note")).to_have_text("Your picture")
    expect(status).to_have_text("Your picture is not part of the link.")
    photograph(page, artefacts / "link-phone-dark.png")
    resize(page, DESKTOP)
    paint(page, dark=False)
    photograph(page, artefacts / "link-desktop.png")
    expect_address(page, example=None)
    steps.choose_example(page, "horse")
    expect_address(page, example="horse")
    expect(status).to_have_text("")
    button.focus()
    page.keyboard.press("Enter")
    expect(status).to_have_text("Copied")
    expect(button).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    expect(status).to_have_text("")  # after a while

    hide = "Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })"
    page.evaluate(f"navigator.clipboard.writeText('old').then(() => {{ {hide} }})")
    button.click()  # as on a page without https
    expect(status).to_have_text("Copied")
    page.evaluate("delete navigator.clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_a_phone_shows_every_tab_and_a_link_opens_any(phone: Page) -> None:
    page = phone
    page.set_viewport_size(PHONE)
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_text(["Prediction", "Attention", "Features", "Tokens", "Trust", "Inside", "Compare"])
    expect(page.get_by_role("tab", name="Compare")).to_have_attribute("aria-selected", "true")
    for tab in tabs.all():
        box = tab.bounding_box()
        assert box
        assert 0 <= box["x"] < box["x"] + box["width"] <= 390
    expect_address(page, tab="compare")


def test_back_and_forward_walk_through_tabs_and_settings(open_page: Opener, app_url: str) -> None:
    page = open_page(app_url)
    expect_address(page, example="airplane", tab="prediction")
    page.evaluate(COUNT_STEPS)
    steps.choose_example(page, "ship")
    expect(page.locator("#headline .answer b")).to_have_text("ship")
    expect_address(page, example="ship")
    page.wait_for_timeout(1100)  # quicker changes are one step
    steps.open_attention(page)
    expect_address(page, tab="attention")
    steps.show_attention(page, layer=3)
    expect_address(page, layer="3")
    page.wait_for_timeout(1100)
    steps.set_ratio(page, 50)
    expect_address(page, ratio="50")
    assert page.evaluate("window.historySteps") == 3, "one a step, none for a look"

    page.go_back()
    expect(page.locator("#ratio input[type=number]")).to_have_value("30")
    steps.expect_answer(page, *steps.predict_by_hand(example_paths()["ship"], keep_ratio=0.7))
    page.go_back()
    expect(page.get_by_role("tab", name="Prediction")).to_have_attribute("aria-selected", "true")
    page.go_back()
    expect(page.locator("#note")).to_have_text("Example: airplane")
    expect(page.locator("#headline .answer b")).to_have_text("airplane")
    expect_address(page, example="airplane", tab="prediction")
    for _ in range(3):
        page.go_forward()
    expect(page.get_by_role("tab", name="Attention")).to_have_attribute("aria-selected", "true")
    steps.expect_answer(page, *steps.predict_by_hand(example_paths()["ship"], keep_ratio=0.5))
    expect_address(page, example="ship", ratio="50", tab="attention")
    assert page.evaluate("window.historySteps") == 3
