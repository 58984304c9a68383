"""Looking at a result never runs the network again, unless the cache has dropped it.

What is asked about one picture is never answered under another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.bundled import start_bundled
from tests.browser.conftest import Opener
from tests.browser.server import quick_models, serve_page
from vitdemo.engine import Engine, Request
from vitdemo.engine.answers.lab import Lab
from vitdemo.engine.core.turns import ignore_progress
from vitdemo.examples import example_paths
from vitdemo.limits import Limits


@pytest.fixture
def engine() -> Engine:
    """One that keeps a single result: the next picture drops it."""
    return Engine(device="cpu", models_dir=quick_models(), limits=Limits(result_megabytes=1e-6))


@pytest.fixture
def url(engine: Engine) -> Iterator[str]:
    with serve_page(engine) as address:
        yield address


def test_controls_run_no_model_and_an_expired_result_comes_back(
    engine: Engine, url: str, open_page: Opener
) -> None:
    page = open_page(url)
    page.locator("#class-maps img").first.wait_for()
    steps.expect_known(page)  # the last of what an opened page asks for
    first = engine.forwards
    assert first > 0
    attention = steps.open_attention(page)
    attention.get_by_role("gridcell", name="layer 1, head 2").click()  # before any patch is dropped
    assert steps.read_attention_state(page) | {"method": "head-rollout", "layer": 1, "head": 2} == (
        steps.read_attention_state(page)
    )
    for control in ("layer", "discard_ratio", "opacity"):
        before = steps.read_attention_state(page)[control]
        key = "ArrowLeft" if before else "ArrowRight"
        attention.locator(f"input[data-control={control}]").press(key)
        assert steps.read_attention_state(page)[control] != before
    steps.click_patch(page, 9)
    steps.expect_shown_query(page, 9)
    steps.open_tab(page, "Tokens", "#scores img")
    steps.open_tab(page, "Inside", "#step-figure img")
    page.locator("#step-next").click()
    expect(page.locator("#step-text .quiet")).to_contain_text("Step 2")
    assert engine.forwards == first

    engine.open(Request(example_paths()["frog"]))  # another visitor's picture takes the place
    later = engine.forwards
    page.get_by_role("tab", name="Attention").click()
    steps.click_patch(page, 12)  # the browser has all that it needs
    steps.expect_shown_query(page, 12)
    assert engine.forwards == later
    page.get_by_role("tab", name="Inside").click()
    page.locator("#step-next").click()
    expect(page.locator("#step-text .quiet")).to_contain_text("Step 3")
    assert engine.forwards > later


def test_an_answer_that_comes_too_late_is_dropped(open_page: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest set of one picture is found when another is there already."""
    page, search = open_page(start_bundled()[1]), Lab.smallest_set
    go_on, done = Event(), Event()

    def late(lab: Lab, **options: Any) -> Any:
        assert go_on.wait(60)
        found = search(
            Lab(replace(lab._subject, progress=ignore_progress)), **options
        )  # as one past its last step
        done.set()
        return found

    monkeypatch.setattr(Lab, "smallest_set", late)
    steps.open_tab(page, "Tokens", "#scores img")
    steps.unfold(page, "lab-smallest")
    page.locator("#lab-smallest-run").click()
    sign = page.locator("#lab-smallest-result [data-testid=status-tracker] svg")
    expect(sign).to_be_attached()
    expect(sign).to_be_hidden()  # gradio would move it all the time, which takes a core
    steps.choose_example(page, "ship")
    steps.expect_answer(page, *steps.predict_by_hand(example_paths()["ship"], keep_ratio=0.7))
    go_on.set()
    assert done.wait(60)
    steps.unfold(page, "lab-sweep")
    page.locator("#lab-sweep-run").click()  # which takes longer than the way to the browser
    expect(page.locator("#lab-sweep-result tbody tr")).to_have_count(10)
    expect(page.locator("#lab-smallest-result .lab-answer")).to_have_count(0)
    page.locator("#lab-smallest-run").click()
    expect(page.locator("#lab-smallest-result .lab-answer")).to_contain_text("ship")
