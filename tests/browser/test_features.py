"""The Features tab: its numbers in a real browser against torch, pointer, keyboard, a kept picture."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.bundled import start_bundled
from tests.browser.conftest import Opener
from vitdemo.engine import Request, Result
from vitdemo.examples import example_paths
from vitdemo.maps.features import principal_components
from vitdemo.maps.statistics import token_norms
from vitdemo.trace import Trace

LAST = -1
HOVER = """async (patch) => {  // milliseconds from a move of the pointer to the next frame, drawn
    const canvas = document.querySelector(".features .picture"), box = canvas.getBoundingClientRect();
    const clientX = box.left + (patch % 8 + .5) * box.width / 8;
    const clientY = box.top + (Math.floor(patch / 8) + .5) * box.height / 8;
    await new Promise(requestAnimationFrame);
    const start = performance.now();
    canvas.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
    return performance.now() - start;
}"""


@pytest.fixture(scope="module")
def opened_features(open_once: Opener) -> Page:
    """One page for all tests here."""
    page = open_once(start_bundled()[1])
    steps.expect_known(page)
    page.get_by_role("tab", name="Features").click()
    return page


@pytest.fixture
def page(opened_features: Page) -> Page:
    steps.show_example(opened_features, "airplane")
    expect_shown(opened_features, "airplane")
    restore(opened_features, layer=9, view="components", query=None, opacity=0.85, **{"pass": "dense"})
    return opened_features


@pytest.fixture
def features(page: Page) -> Locator:
    return page.locator(".features")


def open_result(picture: str) -> Result:
    return start_bundled()[0].open(Request(example_paths()[picture]))


def find_trace(picture: str, which: str) -> Trace:
    found = getattr(open_result(picture)._entry, which)
    assert isinstance(found, Trace)
    return found


def expect_shown(page: Page, picture: str) -> None:
    features = page.locator(".features")
    expect(features).to_have_attribute("data-analysis", open_result(picture).key[:12])
    expect(features).to_have_attribute("data-ready", "ready")


def restore(page: Page, **state: Any) -> None:
    """Bring the tab into this state, and wait for what it asks of the server."""
    page.evaluate("state => document.querySelector('.features').features.restore(state)", state)
    expect(page.locator(".features")).to_have_attribute("data-ready", "ready")


def read_shown(page: Page) -> dict[str, Any]:
    return page.evaluate("document.querySelector('.features').features.shown")


def compute_cosines(one: Trace, other: Trace, layer: int, patch: int) -> np.ndarray:
    """By torch, of all patches; NaN where one is gone."""
    start = one.patch_ids(layer).tolist().index(patch) + one.num_prefix_tokens
    there = other.directions[layer][other.num_prefix_tokens :].float()
    row = np.full(other.num_patches, np.nan)
    row[other.patch_ids(layer)] = torch.nn.functional.cosine_similarity(
        there, one.directions[layer][start].float()
    )
    return row


def is_near(found: Any, expected: np.ndarray) -> None:
    np.testing.assert_allclose(
        np.array(found, dtype=float), expected, rtol=0, atol=1e-3 * np.nanmax(np.abs(expected))
    )


@pytest.mark.parametrize("which", ["pruned", "dense"])
def test_numbers_equal_those_of_python(page: Page, which: str) -> None:
    passed = find_trace("airplane", which)
    for layer in (0, 5, 9):
        patch = passed.patch_ids(layer).tolist()[3]
        restore(page, layer=layer, query=patch, **{"pass": which})
        found = read_shown(page)
        assert found["query"] == patch
        is_near(found["row"], compute_cosines(passed, passed, layer, patch))
        is_near(found["components"], principal_components(passed)[layer].ravel().numpy())
        norms = token_norms(passed, layer=layer)
        is_near(found["norms"], norms.heat.ravel())
        assert found["artefacts"] == list(norms.artefacts)
        expect(page.locator(".features .live")).to_contain_text(
            f"has length {norms.heat.ravel()[patch]:.2f}."
        )


def test_colours_are_the_components(page: Page, features: Locator) -> None:
    restore(page, opacity=1, patches="square")
    colours = np.array(read_shown(page)["colours"]).reshape(64, 3)
    pixels = features.locator(".picture").first.evaluate(
        """canvas => {
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const side = canvas.width / 8;
            return Array.from({ length: 64 }, (_, patch) => {
                const x = Math.floor((patch % 8 + 0.5) * side);
                const at = 4 * (Math.floor((Math.floor(patch / 8) + 0.5) * side) * canvas.width + x);
                return [...pixels.subarray(at, at + 3)];
            });
        }"""
    )
    query = read_shown(page)["query"]
    others = np.arange(64) != query
    np.testing.assert_allclose(np.array(pixels)[others], 255 * colours[others], atol=1)
    parts = principal_components(find_trace("airplane", "dense"))[9].numpy()
    assert (np.diff(colours[parts[:, 0].argsort(), 0]) >= 0).all()  # the first component is red
    restore(page, patches="smooth")


def test_a_patch_that_is_gone_is_said_to_be(page: Page, features: Locator) -> None:
    passed = find_trace("airplane", "pruned")
    lost = min(set(range(64)) - set(passed.patch_ids(9).tolist()))
    restore(page, query=lost, **{"pass": "pruned"})
    expect(features.locator(".live")).to_contain_text(
        f"Of patch {lost} (row {lost // 8}, column {lost % 8}) nothing is left"
    )
    assert read_shown(page)["query"] in passed.patch_ids(9).tolist()


def test_pointer_and_keyboard(page: Page, features: Locator) -> None:
    picture = features.locator(".picture").first
    box = picture.bounding_box()
    assert box
    picture.hover(position={"x": box["width"] * 2.5 / 8, "y": box["height"] * 4.5 / 8})
    assert read_shown(page)["query"] == 34
    picture.press("ArrowRight")
    assert read_shown(page)["query"] == 35
    picture.press("Enter")
    page.mouse.move(0, 0)
    assert json.loads(features.get_attribute("data-state") or "")["query"] == 35
    assert read_shown(page)["query"] == 35
    picture.press("Escape")
    assert json.loads(features.get_attribute("data-state") or "")["query"] is None
    features.locator("input[data-control=layer]").press("ArrowLeft")
    expect(features.locator(".first")).to_have_text("What sets the patches apart after layer 8")
    features.get_by_label("Length", exact=True).check()
    expect(features.locator(".first")).to_have_text("Length of each patch's vector after layer 8")


@pytest.mark.timing
def test_a_hover_is_within_a_frame_and_asks_nobody(page: Page) -> None:
    forwards = start_bundled()[0].forwards
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    times = [page.evaluate(HOVER, patch) for patch in range(40)]
    assert float(np.median(times)) < 16.7, times
    assert start_bundled()[0].forwards == forwards
    assert not requests


def test_a_kept_picture_is_compared_with_the_next(page: Page, features: Locator) -> None:
    features.get_by_role("button", name="Keep this picture beside").click()
    steps.choose_example(page, "cat")
    expect_shown(page, "cat")
    restore(page, layer=6, query=20)
    is_near(
        read_shown(page)["row"],
        compute_cosines(find_trace("cat", "dense"), find_trace("airplane", "dense"), 6, 20),
    )
    expect(features.locator(".second")).to_contain_text("The kept picture: similarity to patch 20")
    features.get_by_role("button", name="Let the kept picture go").click()
    is_near(
        read_shown(page)["row"],
        compute_cosines(find_trace("cat", "dense"), find_trace("cat", "dense"), 6, 20),
    )


def test_a_kept_picture_that_is_chosen_again_is_compared_with_itself(page: Page, features: Locator) -> None:
    features.get_by_role("button", name="Keep this picture beside").click()
    for name in ("cat", "airplane"):
        steps.choose_example(page, name)
        expect_shown(page, name)
    restore(page, layer=3, query=20)
    is_near(
        read_shown(page)["row"],
        compute_cosines(find_trace("airplane", "dense"), find_trace("airplane", "dense"), 3, 20),
    )
    features.get_by_role("button", name="Let the kept picture go").click()
