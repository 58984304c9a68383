"""A Chromium, and pages that must stay free of errors and of requests to anybody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.chromium import MISSING, find
from tests.browser.server import ROOT, running_app

PATIENCE = 60_000  # milliseconds, for a machine that does something else as well
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
OPENED = "new URLSearchParams(location.search).has('model')"  # the server has read the address
Opener = Callable[..., Page]


@pytest.fixture(scope="session")
def app_url() -> str:
    return running_app()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    path = find()
    if path is None:
        pytest.fail(MISSING, pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=SWITCHES, timeout=PATIENCE)
        yield chromium
        chromium.close()


def visits(browser: Browser) -> Iterator[Opener]:
    """Opens addresses with a given width, colour scheme and language; afterwards there must have been no
    error in the console and no request to another host."""
    troubles: list[str] = []
    contexts: list[BrowserContext] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            troubles.append(message.text)

    def open_one(
        url: str, *, width: int = 1280, height: int = 900, dark: bool = False, locale: str = "en-US"
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=locale,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", listen)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        host = urlsplit(url).netloc
        page.on("request", lambda request: note_stranger(request.url, host, troubles))
        page.goto(url)
        page.locator("#headline .answer").wait_for()  # the first example is analysed without a click
        page.wait_for_function(OPENED)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not troubles


open_page = pytest.fixture(visits, name="open_page")
open_once = pytest.fixture(visits, name="open_once", scope="module")  # for pages that several tests share


def note_stranger(url: str, host: str, troubles: list[str]) -> None:
    """Data and blob addresses have no host."""
    if urlsplit(url).netloc not in ("", host):
        troubles.append(f"request to {url}")


@pytest.fixture(scope="session")
def artefacts() -> Path:
    folder = ROOT / "artefacts"
    folder.mkdir(exist_ok=True)
    return folder
