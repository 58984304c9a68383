"""A Chromium, and pages that must stay free of errors and of requests to anybody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from huggingface_hub import constants
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

from tests.browser import steps
from tests.browser.bundled import start_bundled
from tests.browser.chromium import PATIENCE
from tests.browser.server import ROOT
from vitdemo.engine.answers import times

OPENED = "new URLSearchParams(location.search).has('model')"  # the server has read the address
FORGET = """() => {
  localStorage.clear();
  sessionStorage.clear();
  indexedDB.deleteDatabase("vitdemo");
}"""
# gradio counts the seconds of a wait anew in every frame, and those of its own start for ever. Ten times a
# second is enough: a page at rest takes 1 % of a processor then, not 6 %.
COUNT_SLOWLY = """(() => {
  const real = window.requestAnimationFrame.bind(window);
  const isTimer = () => new Error().stack.includes("/statustracker-");
  window.requestAnimationFrame = (draw) => (isTimer() ? setTimeout(draw, 100) : real(draw));
})();"""
Opener = Callable[..., Page]


@pytest.fixture(scope="session")
def app_url() -> str:
    """Of the page that most tests share, so that what it has computed once is there."""
    return start_bundled()[1]


@pytest.fixture(scope="package", autouse=True)
def _quick_times() -> Iterator[None]:
    """A machine that runs tests is too busy to measure times on, and each new picture would try to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(times, "SECONDS", 0.02)
        yield


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_HUB_OFFLINE=1 does."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


class Window:
    """A browser window that one visitor after the other uses.

    gradio's scripts are loaded and compiled already, which makes a visit three times cheaper. Each visit
    begins on a blank page, and leaves nothing behind.
    """

    def __init__(self, browser: Browser, locale: str) -> None:
        self.locale, self.host = locale, ""
        self.troubles: list[str] = []
        self.page = browser.new_context(locale=locale).new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.add_init_script(COUNT_SLOWLY)
        self.page.on("console", self.listen)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", self.note_stranger)

    def listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(message.text)

    def note_stranger(self, request: Request) -> None:
        """Data and blob addresses have no host."""
        if urlsplit(request.url).netloc not in ("", self.host):
            self.troubles.append(f"request to {request.url}")

    def visit(self, url: str, *, width: int, height: int, dark: bool) -> Page:
        self.host = urlsplit(url).netloc
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(
            color_scheme="dark" if dark else "light", reduced_motion="no-preference", media="screen"
        )
        self.page.mouse.move(0, 0)
        self.page.goto(url)
        self.page.locator("#headline .answer").wait_for()  # the first example is analysed without a click
        self.page.wait_for_function(OPENED)
        return self.page

    def leave(self) -> list[str]:
        """What was wrong until now; a page that is left complains of its requests that nobody answers."""
        found = list(self.troubles)
        self.page.unroute_all()
        self.page.evaluate(FORGET)
        self.page.goto("about:blank")
        self.page.context.clear_cookies()
        self.page.context.clear_permissions()
        self.troubles.clear()
        return found


@pytest.fixture(scope="session")
def windows() -> list[Window]:
    """Those that nobody uses."""
    return []


def visits(browser: Browser, windows: list[Window]) -> Iterator[Opener]:
    """Open addresses with a given width, colour scheme and language.

    Afterwards there must have been no error in the console and no request to another host.
    """
    used: list[Window] = []

    def open_one(
        url: str, *, width: int = 1280, height: int = 900, dark: bool = False, locale: str = "en-US"
    ) -> Page:
        free = [window for window in windows if window.locale == locale]
        window = max(free, key=lambda one: one.host == urlsplit(url).netloc, default=None)
        if window:
            windows.remove(window)
        used.append(window or Window(browser, locale))
        return used[-1].visit(url, width=width, height=height, dark=dark)

    yield open_one
    troubles = [trouble for window in used for trouble in window.leave()]
    windows += used
    assert not troubles


open_page = pytest.fixture(visits, name="open_page")
open_once = pytest.fixture(visits, name="open_once", scope="module")  # for pages that several tests share


@pytest.fixture(scope="module")
def opened(open_once: Opener) -> tuple[Page, dict[str, Any]]:
    """A page with the Attention tab open for all tests of a module, and its first state."""
    page = open_once(start_bundled()[1])
    steps.expect_known(page)
    steps.open_attention(page)
    return page, steps.read_attention_state(page)


@pytest.fixture(scope="session")
def artefacts() -> Path:
    folder = ROOT / "artefacts"
    folder.mkdir(exist_ok=True)
    return folder
