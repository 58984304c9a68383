"""A server without room: the page says so in one sentence, and asks again by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.chromium import PATIENCE
from tests.browser.server import MODEL, serve_page
from tests.serving.visitors import Jobs, Visitor, send, wait_until
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine, Request
from vitdemo.examples import example_paths
from vitdemo.limits import Limits


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(device="cpu", models_dir=write_small_models(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def url(engine: Engine) -> Iterator[str]:
    with serve_page(engine, limits=Limits(queue_length=1, request_seconds=600)) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A refusal is an error in the browser's own log, so this page's log is nobody's business."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.locator("#headline .answer").wait_for()
    page.locator("#class-maps img").first.wait_for()
    yield page
    context.close()


def test_a_page_that_is_refused_asks_again_by_itself(
    page: Page, url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    frog: Path = example_paths()["frog"]
    expected = engine.open(Request(frog, MODEL, 0.3)).analysis.pruned
    assert expected is not None
    jobs, busy = Jobs(engine, monkeypatch), page.locator("#busy")
    with ExitStack() as stack:
        for number in range(3):  # two places, and one in the queue
            visitor = Visitor(url, session=f"visitor {number}")
            event = visitor.begin("sweep", send(visitor), "vit_cifar10")
            stack.enter_context(visitor.listen("sweep", event))  # else it would be given up
            wait_until(lambda: jobs.begun)
        steps.choose_example(page, "frog")
        sentence = "The server is busy with other visitors; in a few seconds there may be room."
        expect(busy).to_have_text(sentence)
        expect(busy).to_have_attribute("role", "status")
        jobs.done.set()
    steps.expect_answer(page, *expected.top[0])
    expect(busy).to_have_text("")
    expect(page.locator(".toast-wrap .error")).to_have_count(0)
