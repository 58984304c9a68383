"""Two pictures in Compare: cosines of the patch under the pointer, in a real browser against torch."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.bundled import start_bundled
from tests.browser.conftest import Opener
from tests.browser.looks import keep_looks
from tests.browser.test_features import (
    compute_cosines,
    expect_shown,
    find_trace,
    is_near,
    open_result,
    read_shown,
    restore,
)


@pytest.fixture(scope="module")
def page(open_once: Opener) -> Page:
    page = open_once(start_bundled()[1])
    steps.open_tab(page, "Compare", "#compare-result .sentence")
    steps.unfold(page, "compare-pictures")
    expect(page.locator(".features")).to_have_attribute("data-ready", "ready")
    return page


def expect_beside(page: Page, picture: str) -> None:
    expect(page.locator(".features")).to_have_attribute("data-beside", open_result(picture).key[:12])


@pytest.mark.parametrize("which", ["pruned", "dense"])
def test_numbers_equal_those_of_python(page: Page, which: str) -> None:
    """Of the opening picture and the first other one; only patches that are there have a number."""
    here, there = find_trace("airplane", which), find_trace("automobile", which)
    for layer in (0, 9):
        patch = here.patch_ids(layer).tolist()[5]
        restore(page, layer=layer, query=patch, **{"pass": which})
        is_near(read_shown(page)["row"], compute_cosines(here, there, layer, patch))


def test_another_picture_is_chosen_and_followed(page: Page, artefacts: Path) -> None:
    features = page.locator(".features")
    page.locator("#compare-examples button.thumbnail-item").nth(3).click()
    expect_beside(page, "cat")
    there = find_trace("cat", "dense")
    restore(page, layer=6, query=20, **{"pass": "dense"})
    expect(page.locator("#compare-examples button.selected")).to_have_attribute("aria-label", "cat")
    is_near(read_shown(page)["row"], compute_cosines(find_trace("airplane", "dense"), there, 6, 20))
    expect(features.locator(".second")).to_contain_text("The other picture: similarity to patch 20")
    expect(features.locator(".keep")).to_be_hidden()
    forwards = start_bundled()[0].forwards
    picture = features.locator(".picture").first
    picture.hover()
    picture.press("ArrowRight")
    assert start_bundled()[0].forwards == forwards
    keep_looks(page, artefacts, "compare-pictures")
    page.locator("#compare-others input[type=file]").set_input_files(steps.example_paths()["frog"])
    expect_beside(page, "frog")
    expect(page.locator("#compare-examples button.selected")).to_have_count(0)
    page.locator("#compare-examples button.thumbnail-item").nth(3).click()
    expect_beside(page, "cat")
    steps.choose_example(page, "ship")
    expect_shown(page, "ship")
    expect_beside(page, "cat")
    restore(page, layer=6, query=20, **{"pass": "dense"})
    is_near(read_shown(page)["row"], compute_cosines(find_trace("ship", "dense"), there, 6, 20))
