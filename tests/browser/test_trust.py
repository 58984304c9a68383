"""What speaks for a class, and which map to believe: the page's words and numbers are the engine's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.bundled import start_bundled
from tests.browser.conftest import Opener
from tests.browser.looks import PHONE, keep_looks, photograph, walk_looks
from tests.browser.seen import expect_picture
from vitdemo.engine import Candidate, Engine, Request, Result, Trust
from vitdemo.examples import example_paths

NAMES = {
    "raw-attention": "Raw attention",
    "attention-rollout": "Attention rollout",
    "head-rollout": "Per-head rollout",
    "keep-score": "Keep score",
    "gradient-rollout": "Gradient rollout",
    "chefer": "Chefer et al.",
    "legrad": "LeGrad",
    "attnlrp": "AttnLRP",
    "reslrp": "ResLRP",
    "attention-gradcam": "Attention Grad-CAM",
    "token-gradcam": "Token Grad-CAM",
}
NONE = "no map is better than random order. Do not read a reason into any of them here."


@pytest.fixture
def page(open_page: Opener) -> Page:
    return open_page(start_bundled()[1])


def analyse_example(picture: str) -> tuple[Engine, str, list[str]]:
    """Return the engine behind the page, the key of an example, and its two likeliest classes.

    The key is of the page's first setting.
    """
    engine, _ = start_bundled()
    result = engine.open(Request(example_paths()[picture]))
    assert result.analysis.pruned
    return engine, result.key, [label for label, _ in result.analysis.pruned.top[:2]]


def expect_sentence(page: Page, trust: Trust) -> None:
    """The sentence names the class and the most trusted map, or none; the table has the areas."""
    words = f"trust {NAMES[trust.trusted[0].method]} most." if trust.trusted else NONE
    expect(page.locator(".trust .sentence")).to_contain_text(f"For {trust.label} on this picture, {words}")
    passed = [NAMES[one.method] for one in trust.trusted]
    expect(page.locator(".trust > table tr.passes th")).to_have_text(passed)
    rows = page.locator(".trust > table tbody tr")
    expect(rows).to_have_count(len(trust.candidates) + 1)
    shown = {row.locator("th").inner_text(): row.locator("td") for row in rows.all()}
    for one in trust.candidates:
        expect_areas(shown[NAMES[one.method]], one)
    last = page.locator(".trust .charts figure").last.locator(".best polyline")
    x, y = (last.get_attribute("points") or "").split()[-1].split(",")
    assert float(x) == pytest.approx(368, abs=0.1)  # all patches, at the right edge
    assert float(y) == pytest.approx(206 - 196 * trust.candidates[0].insertion[-1], abs=0.3)


def expect_areas(cells: Locator, one: Candidate) -> None:
    """Three numbers, and bars as wide as the areas: a full bar is 1."""
    numbers = [float(cell.replace("−", "-")) for cell in cells.all_inner_texts()]
    assert numbers == pytest.approx([one.deletion_auc, one.insertion_auc, one.gap], abs=0.006)
    for cell, auc in zip(cells.all(), (one.deletion_auc, one.insertion_auc), strict=False):
        full, filled = (cell.locator(part).bounding_box() for part in (".area", ".area i"))
        assert full
        assert filled
        assert full["width"] >= 28
        assert filled["width"] / full["width"] == pytest.approx(auc, abs=0.02)


def expect_maps(page: Page, engine: Engine, key: str, label: str, *, against: str = "") -> None:
    """The maps of class `label`, rather than `against` where one is named, to the pixel."""
    named = f" rather than {against}" if against else ""
    expect(page.locator("#class-title h2")).to_have_text(f"What speaks for {label}{named}")
    expect(page.locator("#against input:checked")).to_have_value(against)
    found = engine.recall(key).classes(label, against=against)
    steps.unfold_maps(page)
    best = NAMES[found[0].method]
    expect(page.locator("#class-why")).to_contain_text(f"{best} comes first: on {found[0].judged} pictures")
    shown = page.locator(":is(#class-maps, #other-maps) .thumbnail-item")
    for one, item in zip(found, shown.all(), strict=True):
        expect_picture(item.locator("img"), one.image)
        expect(item.locator(".caption-label")).to_contain_text(f"{NAMES[one.method]} · ")


def test_a_class_is_clicked_and_judged(open_page: Opener, artefacts: Path) -> None:
    """On a phone; the bars are as wide as the numbers in every size."""
    engine, key, (first, second) = analyse_example("airplane")
    page = open_page(start_bundled()[1], **PHONE)
    expect_maps(page, engine, key, first)
    page.locator("#label .confidence-set").nth(1).click()
    expect_maps(page, engine, key, second)
    expect(page.locator("#against").get_by_text("Rather than", exact=True)).to_be_visible()
    page.locator("#against input").nth(1).press(" ")  # the likeliest of the others
    expect_maps(page, engine, key, second, against=first)
    keep_looks(page, artefacts, "classes")

    steps.open_tab(page, "Trust", ".trust .sentence")
    for look in walk_looks(page):
        expect_sentence(page, engine.recall(key).trust(second))
        photograph(page, artefacts / f"{look}-trust.png")
    steps.open_tab(page, "Prediction", "#label")
    page.locator("#label .confidence-set").first.click()
    expect_maps(page, engine, key, first)
    steps.open_tab(page, "Trust", ".trust .sentence")
    expect_sentence(page, engine.recall(key).trust(first))


def test_the_page_says_when_no_map_can_be_trusted(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, key, (first, _) = analyse_example("airplane")
    trust = engine.recall(key).trust(first)
    none = replace(trust, bar=trust.candidates[0].gap)  # which the best one does not exceed
    monkeypatch.setattr(Result, "trust", lambda *_: none)
    steps.open_tab(page, "Trust", ".trust .sentence")
    expect_sentence(page, none)


def test_another_picture_is_judged_for_its_own_answer(page: Page) -> None:
    engine, key, (first, second) = analyse_example("airplane")
    expect_maps(page, engine, key, first)
    page.locator("#label .confidence-set").nth(1).click()  # a choice that must not outlive its picture
    expect_maps(page, engine, key, second)
    steps.open_tab(page, "Trust", ".trust .sentence")
    steps.choose_example(page, "automobile")
    expect(page.locator("#headline .answer b")).to_have_text("automobile")
    expect(page.locator(".trust .sentence")).to_contain_text("For automobile on this picture")
