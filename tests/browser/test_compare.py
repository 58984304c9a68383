"""The tab Compare in a real browser: its numbers are the engine's, nothing runs twice, and how it looks."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.bundled import start_bundled
from tests.browser.conftest import Opener
from tests.browser.looks import PHONE, photograph, walk_looks
from tests.browser.server import MODEL
from vitdemo.engine import Comparison, Request
from vitdemo.examples import example_paths
from vitdemo.timing import describe
from vitdemo.ui.kit.sizes import write_size
from vitdemo.ui.kit.words import macs

PATH = next(iter(example_paths().values()))
LIGHT = "lightvit_cifar10"


def set_ratio(page: Page, side: str, percent: int) -> None:
    number = page.locator(f"#compare-ratio-{side} input[type=number]")
    number.fill(str(percent))
    number.press("Enter")


def format_signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def expect_comparison(page: Page, found: Comparison) -> None:
    """Every number on the page is that of `found`."""
    sides = (found.a, found.b)
    columns = page.locator("#compare-result .costs thead th")
    for index, side in enumerate(sides):
        expect(columns.nth(index)).to_contain_text(side.analysis.title)
    rows = page.locator("#compare-result .costs tbody tr")
    for index, side in enumerate(sides):
        outcome = side.outcome
        (label, share), tokens = outcome.top[0], " → ".join(map(str, outcome.tokens))
        expected = [
            label,
            f"{100 * share:.1f} %",
            tokens,
            macs(outcome.macs),
            describe(side.time),
        ]
        expect(rows.locator(f"td:nth-of-type({index + 1})")).to_have_text(expected)
    lines = page.locator("#compare-result .classes tbody tr")
    expect(lines.locator("th")).to_have_text(list(found.labels))
    for index, (p, q) in enumerate(zip(found.a.probabilities, found.b.probabilities, strict=True)):
        assert p is not None
        assert q is not None
        texts = lines.nth(index).locator("td").all_inner_texts()
        assert texts[:2] == [f"{100 * p:.1f} %", f"{100 * q:.1f} %"]
        assert float(texts[2].replace("−", "-")) == pytest.approx(100 * (q - p), abs=0.051)
    assert found.agreement is not None
    expect(page.locator("#compare-scale .agreement b")).to_have_text(format_signed(found.agreement))
    expect(page.locator("#compare-scale img")).to_have_attribute(
        "alt", f"Colour scale from 0 to {found.peak:.2f}"
    )
    same = found.a.outcome.top[0][0] == found.b.outcome.top[0][0]
    said = page.locator("#compare-result .sentence")
    expect(said).to_contain_text("Both answer" if same else "A answers")
    expect(page.locator("#compare-maps img")).to_have_count(2)
    expect(page.locator("#compare-kept .caption-label")).to_have_text(
        [
            f"{name}: {side.outcome.tokens[-1]} of {side.outcome.tokens[0]} patches left"
            for name, side in zip("AB", sides, strict=True)
        ]
    )


def test_a_visit(open_page: Opener) -> None:
    engine, url = start_bundled()
    page = open_page(url)
    steps.expect_known(page)
    steps.open_tab(page, "Compare", "#compare-result .sentence")
    left = Request(PATH, MODEL, 0.3, "learned")
    expect_comparison(page, engine.compare(left, engine.contrast(left)))

    steps.choose(page, "compare-model-b", "Lightweight ViT · CIFAR-10")
    set_ratio(page, "b", 50)
    steps.choose(page, "compare-selector-b", "Random")
    page.locator("#compare-run").click()
    expect(page.locator("#compare-result .costs thead")).to_contain_text("50 % pruned · Random")
    right = Request(PATH, LIGHT, 0.5, "random")
    expect_comparison(page, engine.compare(left, right))

    seen, before = engine.forwards, page.locator("#compare-maps img").first.get_attribute("src")
    steps.choose(page, "compare-method", "Raw attention")
    expect(page.locator("#compare-maps img").first).not_to_have_attribute("src", before or "")
    expect_comparison(page, engine.compare(left, right, method="raw-attention"))
    for name in ("Prediction", "Compare"):
        page.get_by_role("tab", name=name).click()
    expect_comparison(page, engine.compare(left, right, method="raw-attention"))
    steps.choose(page, "compare-method", "Attention rollout")
    expect(page.locator("#compare-scale .agreement")).to_contain_text("Over 64 patches")
    page.locator("#compare-run").press("Enter")
    expect_comparison(page, engine.compare(left, right))
    assert engine.forwards == seen, "the same pair again runs no network"

    steps.choose(page, "compare-size-b", write_size(engine.sizes(LIGHT)["48"]))
    page.locator("#compare-run").click()
    expect(page.locator("#compare-result .costs thead")).to_contain_text("50 % pruned · Random · 48 × 48")
    expect(page.locator("#compare-scale .agreement")).to_contain_text("grids of patches differ (8 × 8 and 12")
    steps.choose(page, "compare-size-b", write_size(engine.sizes(LIGHT)[""]))

    steps.choose_example(page, "cat")  # what the visitor chose waits for them
    expect(page.locator("#compare-result")).to_have_text(
        "Press Compare to see what A and B make of this picture."
    )
    expect(page.locator("#compare-maps img")).to_have_count(0)
    expect(page.locator("#compare-ratio-b input[type=number]")).to_have_value("50")
    page.locator("#compare-run").click()
    cat = example_paths()["cat"]
    pair = (Request(cat, MODEL, 0.3, "learned"), Request(cat, LIGHT, 0.5, "random"))
    expect_comparison(page, engine.compare(*pair))


def test_a_follows_the_left_column(open_page: Opener, artefacts: Path) -> None:
    """Until something is chosen, for B too. On a phone; both sides have their place in every size."""
    engine, url = start_bundled()
    page = open_page(url, **PHONE)
    steps.open_tab(page, "Compare", "#compare-result .sentence")
    expect_looks(page, artefacts)
    steps.set_ratio(page, 60)
    expect(page.locator("#compare-ratio-a input[type=number]")).to_have_value("60")
    left = Request(PATH, MODEL, 0.6, "learned")
    expect(page.locator("#compare-result .costs thead")).to_contain_text("60 % pruned · Learned predictor")
    expect_comparison(page, engine.compare(left, engine.contrast(left)))
    page.locator("#picture").get_by_label("Remove Image").click()
    expect(page.locator("#compare-result")).to_have_text("Analyse a picture first.")
    page.locator("#compare-run").click()
    expect(page.locator("#compare-maps img")).to_have_count(0)


def expect_looks(page: Page, artefacts: Path) -> None:
    """A is beside B, or above it where there is no room."""
    expect(page.locator("#compare-kept img")).to_have_count(2)
    for name in ("maps", "kept"):  # pictures load when they come into sight
        for picture in page.locator(f"#compare-{name} img").all():
            picture.scroll_into_view_if_needed()
            expect(picture).to_have_js_property("complete", True)
    for look in walk_looks(page):
        sides = [page.locator(f"#compare-{side}").bounding_box() for side in "ab"]
        maps = [page.locator("#compare-maps img").nth(index).bounding_box() for index in range(2)]
        for a, b in (sides, maps):
            assert a
            assert b
            beside = b["x"] >= a["x"] + a["width"]
            below = b["y"] >= a["y"] + a["height"]
            assert (below and not beside) if look == "phone" else (beside and not below)
        photograph(page, artefacts / f"{look}-compare.png")
