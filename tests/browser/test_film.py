"""The film beside the answer, and the slider that asks nobody."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.bundled import start_bundled
from tests.browser.conftest import Opener
from tests.browser.server import quick_models, serve_page
from vitdemo.engine import Engine, Request, Result
from vitdemo.engine.answers.lab import Lab

FRAMES = """() => {
  window.frames_seen = [];
  const look = () => {
    const film = document.querySelector(".film[data-frame]");
    if (!film) return requestAnimationFrame(look);
    window.frames_seen.push(Number(film.dataset.frame));
    new MutationObserver(() => window.frames_seen.push(Number(film.dataset.frame)))
      .observe(film, { attributeFilter: ["data-frame"] });
  };
  look();
}"""

# The lowest opacity that each part has had, and that of what it stands in.
FADED = """() => {
  const own = (node) => Number(getComputedStyle(node).opacity);
  const opacity = (node) => (node === document.body ? 1 : own(node) * opacity(node.parentNode));
  const parts = { film: "#film", comparison: "#comparison", maps: "#class-maps" };
  window.faded = Object.fromEntries(Object.keys(parts).map((name) => [name, 1]));
  const look = () => {
    for (const [name, place] of Object.entries(parts)) {
      const now = Number(opacity(document.querySelector(place)).toFixed(2));
      window.faded[name] = Math.min(window.faded[name], now);
    }
    requestAnimationFrame(look);
  };
  look();
}"""


def slide(page: Page, percent: int) -> None:
    """Move the slider without letting go of it."""
    page.locator("#ratio input[type=range]").evaluate(
        "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input', { bubbles: true })); }",
        percent,
    )


def read_shown(page: Page) -> dict[str, Any]:
    """Return what the film shows."""
    return page.evaluate("document.querySelector('.film').film.shown")


def listen_to(page: Page) -> list[str]:
    """Return the addresses that the page asks from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def test_the_slider_asks_nobody_and_says_what_the_network_says(open_page: Opener) -> None:
    engine, url = start_bundled()
    page = open_page(url)
    steps.expect_known(page)
    steps.expect_rest(page)
    asked, picture = listen_to(page), find_example(page)
    for percent in (0, 45, 90, 5):
        slide(page, percent)
        found = engine.open(Request(picture, pruning_ratio=percent / 100)).analysis
        outcome = found.pruned or found.dense
        label, probability = outcome.top[0]
        steps.expect_answer(page, label, probability)
        steps.expect_analysed(page, list(outcome.tokens))
        steps.expect_counted(page, list(outcome.tokens))
        expect(page.locator("#counts .arrow")).to_have_count(len(outcome.tokens) - 1)
        expect(page.locator("#label [data-testid$=confidence-set]").first).to_contain_text(label)
        now = read_shown(page)
        assert [name for name, _ in now["step"]["top"]] == [name for name, _ in outcome.top]
        wanted = [share for _, share in outcome.top]
        assert [share for _, share in now["step"]["top"]] == pytest.approx(wanted, abs=1e-3)
        kept = found.kept[-1] if found.kept else range(outcome.tokens[0])
        assert set(now["gone"]) == set(range(outcome.tokens[0])) - set(kept)
        if percent == 0:
            expect(page.locator("#counts")).to_contain_text("none pruned")
    assert not asked


def test_letting_go_fades_what_the_browser_has_not_answered(open_page: Opener) -> None:
    page = open_page(start_bundled()[1])
    steps.expect_known(page)
    steps.expect_rest(page)
    page.evaluate(FADED)
    slide(page, 50)
    page.locator("#ratio input[type=range]").dispatch_event("pointerup")
    page.wait_for_function("window.isShown(50)")
    steps.expect_rest(page)
    assert page.evaluate("window.faded") == {"film": 1, "comparison": 0.4, "maps": 0.4}
    asked = listen_to(page)
    slide(page, 90)
    slide(page, 50)
    page.locator("#ratio input[type=range]").dispatch_event("pointerup")
    page.wait_for_timeout(500)
    assert not [url for url in asked if "queue/join" in url]  # the result of 50 % is on the page
    expect(page.locator("body.stale")).to_have_count(0)


def find_example(page: Page) -> str:
    """Return the file of the picture that is shown."""
    return str(steps.example_paths()[page.locator("#note .note").get_attribute("data-example") or ""])


def test_it_plays_once_when_a_picture_comes_and_again_at_the_button(open_page: Opener) -> None:
    page = open_page(start_bundled()[1])
    steps.expect_rest(page)
    page.evaluate(FRAMES)
    steps.choose_example(page, "ship")
    page.wait_for_function("window.frames_seen.slice(-4).join() === '0,1,2,3'")
    expect(page.locator(".film .caption")).to_have_text("After stage 3: 21 of 64 patches")
    page.wait_for_timeout(1500)
    assert page.evaluate("window.frames_seen.filter((frame) => frame === 0).length") == 1
    page.get_by_role("button", name="Play it again").click()
    page.wait_for_function("window.frames_seen.filter((frame) => frame === 0).length === 2")
    page.wait_for_function("window.frames_seen.at(-1) === 3")


def test_it_stands_still_for_who_prefers_that(open_page: Opener) -> None:
    page = open_page(start_bundled()[1])
    page.emulate_media(reduced_motion="reduce")
    steps.expect_rest(page)
    page.evaluate(FRAMES)
    steps.choose_example(page, "ship")
    steps.expect_answer(page, *steps.predict_by_hand(steps.example_paths()["ship"], keep_ratio=0.7))
    steps.expect_rest(page)
    expect(page.locator(".film .caption")).to_have_text("After stage 3: 21 of 64 patches")
    assert 0 not in page.evaluate("window.frames_seen")


def test_a_ratio_that_is_not_there_yet_is_asked_for(
    open_page: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, go_on = Result.ratio_steps, Event()

    def late(result: Result, selector: str, reduction: str) -> Any:
        assert go_on.wait(60)
        return run(result, selector, reduction)

    monkeypatch.setattr(Result, "ratio_steps", late)
    with serve_page(Engine(device="cpu", models_dir=quick_models())) as url:
        page = open_page(url)
        steps.set_ratio(page, 50)
        steps.expect_answer(page, *steps.predict_by_hand(find_example(page), keep_ratio=0.5))
        expect(page.locator(".film .caption")).to_contain_text("8 of 64 patches")
        assert page.locator(".film").get_attribute("data-steps") == ""
        go_on.set()
        steps.expect_known(page)


def test_the_fewest_patches_are_one_click_away(open_page: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    run, given = Lab.smallest_set, []

    def remembered(lab: Lab, **options: Any) -> Any:
        given.append(run(lab, **options))
        return given[-1]

    monkeypatch.setattr(Lab, "smallest_set", remembered)
    page = open_page(start_bundled()[1])
    page.get_by_role("button", name="How few patches are enough?").click()
    caption = page.locator(".film .caption")
    expect(caption).to_contain_text("of 64 patch")
    expect(caption).to_contain_text("still say")
    (found,) = given
    expect(caption).to_contain_text(f"{len(found.kept)} of 64")
    expect(caption).to_contain_text(found.answer)
    assert page.locator(".film .said").inner_text().endswith("fewer might do.") != found.minimal
    assert set(read_shown(page)["gone"]) == set(range(64)) - set(found.kept)
    slide(page, 90)
    expect(caption).to_have_text("After stage 3: 1 of 64 patches")
