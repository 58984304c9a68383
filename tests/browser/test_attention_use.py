"""Using the Attention tab: pointer, keyboard, touch, buttons; nothing waits and nothing asks the server."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.bundled import (
    INSTANT,
    explain_inward,
    explain_look,
    find_dropped_patch,
    load_config,
    measure_slowest,
    record_first,
    start_bundled,
)
from tests.browser.conftest import Opener
from tests.browser.shifts import WATCH, sum_shifts

LAST = load_config().depth - 1  # the last layer
COLUMNS = 2 + load_config().num_heads  # of the grid: the layer, all heads, each head


@pytest.fixture
def page(opened: tuple[Page, dict[str, Any]]) -> Page:
    """That page in that state."""
    page, first = opened
    page.mouse.move(0, 0)
    page.emulate_media(reduced_motion="no-preference")
    steps.show_attention(page, **first)
    return page


@pytest.fixture
def attention(page: Page) -> Locator:
    return page.locator(".attention")


@pytest.mark.timing
def test_all_is_instant_shifts_nothing_and_runs_no_model(page: Page) -> None:
    engine, _ = start_bundled()
    forwards = engine.forwards
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate(WATCH)
    times = {}
    for method in ("raw-attention", "head-rollout"):
        steps.show_attention(page, method=method, layer=3, head=None, query=None, **{"pass": "dense"})
        times["hover", method] = measure_slowest(page, "hover", turns=64)
    for name in ("layer", "fusion", "discard_ratio"):
        times[name, method] = measure_slowest(page, name, turns=38)
    assert max(times.values()) < INSTANT, times
    steps.show_attention(page, method="attention-rollout", query=5, direction="in")
    assert sum_shifts(page) < 0.01
    assert engine.forwards == forwards
    assert not requests


def test_pointer_pins_and_lets_go(page: Page, attention: Locator) -> None:
    steps.show_attention(page, method="raw-attention", layer=1)
    steps.hover_patch(page, 10)
    steps.expect_shown_query(page, 10)
    steps.click_patch(page, 10)
    steps.hover_patch(page, 20)
    steps.expect_shown_query(page, 10)
    expect(attention.locator(".live")).to_contain_text("Under the cursor: patch 20 (row 2, column 4) with")
    heat = page.evaluate("document.querySelector('.attention').attention.heat()")
    expect(attention.locator(".live")).to_contain_text(f"{100 * heat[20] / sum(heat):.1f} % of the total")
    steps.click_patch(page, 20)
    steps.expect_shown_query(page, 20)
    page.mouse.move(0, 0)
    steps.expect_shown_query(page, 20)
    steps.click_patch(page, 20)
    page.mouse.move(0, 0)
    steps.expect_shown_query(page, None)


@pytest.mark.parametrize(
    "look",
    [
        {"method": "raw-attention", "layer": 1, "head": 2, "direction": "out"},
        {
            "method": "attention-rollout",
            "layer": LAST,
            "head": None,
            "direction": "out",
            "discard_ratio": 0.5,
        },
        {"method": "head-rollout", "layer": LAST - 1, "head": 2, "direction": "in"},
    ],
)
def test_the_patch_under_the_cursor_is_named_with_its_share(
    page: Page, attention: Locator, look: dict[str, Any]
) -> None:
    """While nothing is pinned: what it has in the map of what the head reads."""
    trace = record_first("dynamicvit_cifar10")["pruned"]
    steps.show_attention(page, **look)
    state = steps.read_attention_state(page)
    heat = explain_look(trace, state) if look["direction"] == "out" else explain_inward(trace, state)
    assert heat is not None
    word = "From" if look["direction"] == "out" else "Towards"
    steps.hover_patch(page, 28)
    assert_said(attention, f"{word} patch 28 (row 3, column 4), which has ", heat=heat, patch=28)
    attention.locator(".picture").press("ArrowRight")  # the keyboard goes on from there
    assert_said(attention, f"{word} patch 29 (row 3, column 5), which has ", heat=heat, patch=29)
    gone, layer = find_dropped_patch()
    steps.hover_patch(page, gone)
    name = f"patch {gone} (row {gone // 8}, column {gone % 8})"
    if look["method"] == "attention-rollout":  # it was dropped, but gave its share before
        expect(attention.locator(".live")).to_contain_text(f"{name} was dropped before layer {layer}, so")
        assert_said(attention, f"Under the cursor: {name} with ", heat=heat, patch=gone)
    elif look["direction"] == "in":
        expect(attention.locator(".live")).to_contain_text(f"Towards {name}, which was dropped")


def assert_said(attention: Locator, beginning: str, *, heat: np.ndarray, patch: int) -> None:
    """After `beginning` come the value of `patch` in `heat` and its share of the total."""
    expect(attention.locator(".live")).to_contain_text(beginning)
    text = attention.locator(".live").inner_text()
    numbers = re.search(re.escape(beginning) + r"(\S+), (\S+) % of the total", text)
    assert numbers, text
    assert float(numbers[1]) == pytest.approx(float(heat[patch]), abs=6e-3 * float(np.nanmax(heat)))
    assert float(numbers[2]) == pytest.approx(100 * float(heat[patch] / np.nansum(heat)), abs=0.06)


def test_a_dropped_patch_is_there_before_and_gone_after(page: Page, attention: Locator) -> None:
    patch, layer = find_dropped_patch()
    steps.show_attention(page, method="raw-attention", layer=layer - 1, query=patch)
    steps.expect_shown_query(page, patch)
    attention.locator("input[data-control=layer]").press("ArrowRight")
    steps.expect_shown_query(page, None)
    expect(attention.locator(".live")).to_contain_text(f"was dropped before layer {layer}")
    attention.get_by_label("Dense", exact=True).check()
    steps.expect_shown_query(page, patch)


def test_the_keyboard_does_it_all(page: Page, attention: Locator) -> None:
    picture = attention.locator(".picture")
    for key, patch in (("ArrowDown", 36), ("ArrowLeft", 35), ("ArrowUp", 27)):
        picture.press(key)
        steps.expect_shown_query(page, patch)
    picture.press("Enter")
    assert steps.read_attention_state(page)["query"] == 27
    picture.press("Escape")
    steps.expect_shown_query(page, None)

    attention.get_by_role("gridcell", name="layer 2, head 0").click()
    for key, layer, head in (("ArrowDown", 3, 0), ("ArrowLeft", 3, None), ("ArrowUp", 2, None)):
        page.keyboard.press(key)
        state = steps.read_attention_state(page)
        assert (state["layer"], state["head"]) == (layer, head)
    selected = attention.locator("[aria-selected=true]")
    expect(selected).to_have_attribute("aria-label", "layer 2, all heads")
    expect(selected).to_be_focused()


def test_a_tap_pins(page: Page) -> None:
    steps.show_attention(page, method="raw-attention", layer=1)
    picture = page.locator(".attention .picture")
    picture.scroll_into_view_if_needed()
    box, at = picture.bounding_box(), steps.locate_patch(page, 18)
    assert box
    point = {"x": box["x"] + at["x"], "y": box["y"] + at["y"]}
    device = page.context.new_cdp_session(page)
    device.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    device.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    device.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    steps.expect_shown_query(page, 18)
    assert steps.read_attention_state(page)["query"] == 18


def test_play_runs_to_the_last_layer_or_steps_once(page: Page) -> None:
    attention = page.locator(".attention")
    steps.show_attention(page, method="raw-attention", layer=LAST - 2)
    play = attention.get_by_role("button", name="Play the layers")
    play.click()
    expect(play).to_have_attribute("aria-pressed", "true")
    expect(play).to_have_attribute("aria-pressed", "false")
    assert steps.read_attention_state(page)["layer"] == LAST
    page.emulate_media(reduced_motion="reduce")
    play.click()
    assert steps.read_attention_state(page)["layer"] == 0
    expect(play).to_have_attribute("aria-pressed", "false")


def test_a_state_is_kept_and_restored(open_page: Opener) -> None:
    page = open_page(start_bundled()[1])
    attention = steps.open_attention(page)
    state = {"method": "head-rollout", "layer": 4, "head": 1, "pass": "dense", "query": 12, "fusion": "max"}
    steps.show_attention(page, **state)
    assert state.items() <= steps.read_attention_state(page).items()
    assert attention.locator("select[data-control=head]").input_value() == "1"
    first = attention.get_attribute("data-analysis")
    slider = page.locator("#ratio input[type=range]")
    slider.press("ArrowRight")  # the same picture and model at another ratio: the pin stays
    expect(attention).not_to_have_attribute("data-analysis", first or "")
    expect(attention).to_have_attribute("data-ready", "ready")
    assert state.items() <= steps.read_attention_state(page).items()
    second = attention.get_attribute("data-analysis")
    steps.choose_example(page, "cat")  # another picture: it goes
    expect(attention).not_to_have_attribute("data-analysis", second or "")
    expect(attention).to_have_attribute("data-ready", "ready")
    assert steps.read_attention_state(page)["query"] is None
    steps.show_attention(page, layer=99, head=99, query=999)
    clipped = {"layer": LAST, "head": None, "query": None}
    assert clipped.items() <= steps.read_attention_state(page).items()


def test_the_grid_tells_its_size(attention: Locator) -> None:
    """The header row and column count too, and every row has as many cells as there are columns."""
    grid = attention.get_by_role("grid")
    cells = grid.get_by_role("row").evaluate_all(
        "rows => rows.map((row) => row.querySelectorAll('[role=gridcell], [role$=header]').length)"
    )
    assert cells == [COLUMNS] * (1 + LAST + 1)
    expect(grid).to_have_attribute("aria-rowcount", str(1 + LAST + 1))
    expect(grid).to_have_attribute("aria-colcount", str(COLUMNS))


def test_every_control_is_explained(attention: Locator) -> None:
    controls = attention.locator("[data-control]")
    assert controls.count() == 11
    for control in controls.all():
        words = control.locator("xpath=ancestor::*[contains(@class, 'control')][1]").locator("small")
        assert len(words.inner_text()) > 20


def test_everything_has_a_name(attention: Locator) -> None:
    names = attention.evaluate(
        """root => [...root.querySelectorAll("input, select, button, [role]:not([role=status])")].map(
            (element) => [
                element.outerHTML.slice(0, 90),
                element.ariaLabel || element.labels?.[0]?.textContent || element.textContent,
            ]
        )"""
    )
    assert len(names) > COLUMNS * (1 + LAST)
    assert [html for html, name in names if not name.strip() and "presentation" not in html] == []
