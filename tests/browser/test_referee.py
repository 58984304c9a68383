"""What speaks for a class, and which map to believe: the page's words and numbers are the engine's."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from vitdemo.engine import Engine, Request, Verdict
from vitdemo.examples import example_paths

LOOKS = {"desktop": {}, "desktop-dark": {"dark": True}, "phone": {"width": 390, "height": 844}}
NAMES = {
    "chefer": "Chefer et al.",
    "gradient-rollout": "Gradient rollout",
    "keep-score": "Keep score",
    "token-gradcam": "Token Grad-CAM",
}


@pytest.fixture(scope="session")
def verdicts() -> list[Verdict]:
    """Of the first example's two likeliest classes, at the page's first setting."""
    engine = Engine(device="cpu")
    analysis = engine.analyse(Request(next(iter(example_paths().values()))))
    assert analysis.pruned
    return [engine.referee(analysis.key, label) for label, _ in analysis.pruned.top[:2]]


def expect_verdict(page: Page, verdict: Verdict) -> None:
    """The sentence names the class and the trusted map or none; the table has the areas."""
    sentence = page.locator(".referee .verdict")
    expect(sentence).to_contain_text(f"For {verdict.label} on this picture")
    if verdict.trusted:
        expect(sentence).to_contain_text("trust")
    else:
        expect(sentence).to_contain_text("no map is better than random order")
    expect(page.locator(".referee tbody tr.passes")).to_have_count(len(verdict.trusted))
    rows = page.locator(".referee tbody tr")
    expect(rows).to_have_count(len(verdict.contestants) + 1)
    shown = {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows.all()}
    for one in verdict.contestants:
        if one.method in NAMES:
            numbers = [float(cell.replace("−", "-")) for cell in shown[NAMES[one.method]]]
            assert numbers == pytest.approx([one.deletion_auc, one.insertion_auc, one.gap], abs=0.006)
    last = page.locator(".referee .charts figure").last.locator("polyline.best")
    x, y = (last.get_attribute("points") or "").split()[-1].split(",")
    assert float(x) == pytest.approx(368, abs=0.1)  # all patches, at the right edge
    assert float(y) == pytest.approx(206 - 196 * verdict.contestants[0].insertion[-1], abs=0.3)


@pytest.mark.parametrize("look", LOOKS)
def test_a_class_is_clicked_and_judged(
    look: str, open_page: Opener, app_url: str, artefacts: Path, verdicts: list[Verdict]
) -> None:
    page, (first, second) = open_page(app_url, **LOOKS[look]), verdicts
    expect(page.locator("#class-title h3")).to_have_text(f"What speaks for {first.label}")
    maps = page.locator("#class-maps img")
    expect(maps).to_have_count(4)
    before = maps.first.get_attribute("src") or ""
    page.locator("#label .confidence-set").nth(1).click()
    expect(page.locator("#class-title h3")).to_have_text(f"What speaks for {second.label}")
    expect(maps.first).not_to_have_attribute("src", before)
    keep(page, artefacts, look, "classes")

    steps.open_tab(page, "Trust", ".referee .verdict")
    expect_verdict(page, second)
    keep(page, artefacts, look, "referee")
    steps.open_tab(page, "Prediction", "#label")
    page.locator("#label .confidence-set").first.click()
    expect(page.locator("#class-title h3")).to_have_text(f"What speaks for {first.label}")
    steps.open_tab(page, "Trust", ".referee .verdict")
    expect_verdict(page, first)


def test_another_picture_is_judged_for_its_own_answer(open_page: Opener, app_url: str) -> None:
    page = open_page(app_url)
    expect(page.locator("#class-maps img")).to_have_count(4)
    page.locator("#label .confidence-set").nth(1).click()  # a choice that must not outlive its picture
    steps.open_tab(page, "Trust", ".referee .verdict")
    page.locator("#examples button.thumbnail-item").nth(1).click()
    expect(page.locator("#headline .answer b")).to_have_text("automobile")
    expect(page.locator(".referee .verdict")).to_contain_text("For automobile on this picture")


def keep(page: Page, folder: Path, look: str, name: str) -> None:
    steps.expect_no_sideways_scroll(page)
    page.wait_for_timeout(400)
    page.screenshot(path=folder / f"{look}-{name}.png", full_page=True)
