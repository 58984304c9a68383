"""The tab Inside in a real browser: numbers compared with the engine's, buttons, clicks, and how it looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.server import served
from vitdemo.engine import Engine, Request
from vitdemo.examples import example_paths

LOOKS = {"desktop": {}, "desktop-dark": {"dark": True}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(device="cpu")


@pytest.fixture(scope="module")
def url(engine: Engine) -> Iterator[str]:
    with served(engine) as address:
        yield address


def unfold(page: Page, name: str) -> Locator:
    part = page.locator(f"#inside-{name}")
    part.locator("button").first.click()
    return part


def changed(picture: Locator, before: str | None) -> None:
    expect(picture).not_to_have_attribute("src", before or "")


def test_a_visit(engine: Engine, url: str, open_page: Opener) -> None:
    page = open_page(url)
    name, path = next(iter(example_paths().items()))
    analysis = engine.analyse(Request(path))
    steps.open_tab(page, "Inside", "#step-figure img")
    seen = engine.forwards

    unfold(page, "weights").locator("#filters img").wait_for()
    sheet, large = page.locator("#positions img"), page.locator("#position-map img")
    large.wait_for()
    before = large.get_attribute("src")
    box = sheet.bounding_box()
    assert box
    sheet.click(position={"x": 0.3 * box["width"], "y": 0.05 * box["height"]})  # third column, first row
    changed(large, before)
    expect(page.locator("#position input[type=number]")).to_have_value("2")

    unfold(page, "heads").locator("#norms img").wait_for()
    expect(page.locator("#norms-note")).to_contain_text(
        f"{engine.inside.norms(analysis.key, 'pruned').limit:.1f}"
    )
    distance = page.locator("#distance img")
    before = distance.get_attribute("src")
    page.get_by_label("Dense pass").check()
    changed(distance, before)
    limit = engine.inside.norms(analysis.key, "dense").limit
    expect(page.locator("#norms-note")).to_contain_text(f"{limit:.1f}")

    expect(unfold(page, "card").locator("#card h1")).to_have_text("dynamicvit_cifar10")
    expect(page.locator("#card-figures img")).to_have_count(3)
    assert engine.forwards == seen, "looking runs no network"

    page.locator("#ablation-run").click()
    page.locator("#ablation img").wait_for()
    found = engine.inside.ablation(analysis.key, "dense", progress=lambda share, words: None)
    strongest = min(change for row in found.changes for change in row)
    expect(page.locator("#ablation-note")).to_contain_text(
        f"the logit of {name} is {found.logit:.2f}. It falls most, by {-strongest:.2f},"
    )
    page.locator("#examples button.thumbnail-item").nth(
        3
    ).click()  # what was measured on a picture goes with it
    expect(page.locator("#ablation img")).to_have_count(0)


def test_checks_and_speed(url: str, open_page: Opener) -> None:
    page = open_page(url)
    steps.open_tab(page, "Trust", "#checks")
    page.locator("#checks > button").click()
    page.locator("#sanity-run").click()
    rows = page.locator("#sanity tbody tr")
    expect(rows).to_have_count(5)
    for index in range(5):
        cells = rows.nth(index).locator("td").all_inner_texts()
        assert cells[0] == "pass"
        assert float(cells[1]) <= float(cells[2])
    expect(page.locator("#cascade img")).to_have_count(2)

    steps.open_tab(page, "Inside", "#step-figure img")
    unfold(page, "speed").locator("#speed-run").click()
    tables = page.locator("#speed table")
    expect(tables).to_have_count(2)
    names = tables.first.locator("tbody th").all_inner_texts()
    wanted = ["Learned predictor", "Class attention", "Random"]
    assert names == ["Dense", *(f"Pruned: {name}" for name in wanted), "Linear attention"]
    for row in tables.first.locator("tbody tr").all():
        shown = re.fullmatch(r"([\d.]+) \(([\d.]+) to ([\d.]+)\)", row.locator("td").nth(2).inner_text())
        assert shown
        middle, low, high = map(float, shown.groups())
        assert 0 < low <= middle <= high
    sizes = tables.last.locator("tbody th").all_inner_texts()
    assert sizes == ["64", "256", "576", "1,024"]


@pytest.mark.parametrize("look", LOOKS)
def test_looks(look: str, url: str, open_page: Opener, artefacts: Path) -> None:
    page = open_page(url, **LOOKS[look])
    steps.open_tab(page, "Inside", "#step-figure img")
    for name, shown in (("weights", "#position-map img"), ("heads", "#norms img"), ("card", "#card h1")):
        unfold(page, name).locator(shown).wait_for()
    steps.expect_no_sideways_scroll(page)
    page.screenshot(path=artefacts / f"{look}-inside.png", full_page=True)
