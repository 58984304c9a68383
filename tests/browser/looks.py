"""The same page in every size and colour scheme: a state is reached once, then looked at in each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, ViewportSize

from tests.browser import steps

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
LOOKS = {  # name -> size, and whether dark; a page that is opened for a phone is left as one
    "desktop": (DESKTOP, False),
    "desktop-dark": (DESKTOP, True),
    "phone": (PHONE, False),
}

TWO_FRAMES = "new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))"
FADED = "() => !document.getAnimations().some(one => one instanceof CSSTransition)"  # colours fade


def walk_looks(page: Page) -> Iterator[str]:
    """Yield the name of each look, while the page has it; none scrolls sideways."""
    steps.expect_rest(page)
    for look, (size, dark) in LOOKS.items():
        resize(page, size)
        paint(page, dark=dark)
        steps.expect_no_sideways_scroll(page)
        yield look


def resize(page: Page, size: ViewportSize) -> None:
    """As a visitor does who changes the size of the window."""
    if page.viewport_size != size:
        page.set_viewport_size(size)
        page.wait_for_timeout(400)  # what follows the width is drawn again


def paint(page: Page, *, dark: bool) -> None:
    """As the system of a visitor does who changes to this colour scheme."""
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.wait_for_function("dark => document.body.classList.contains('dark') === dark", arg=dark)
    page.evaluate(TWO_FRAMES)
    page.wait_for_function(FADED)


def photograph(page: Page, path: Path) -> None:
    """Keep all of the page for people to look at, where $VITDEMO_ARTEFACTS is set: it takes a second."""
    if os.environ.get("VITDEMO_ARTEFACTS"):
        page.screenshot(path=path, full_page=True)


def keep_looks(page: Page, folder: Path, name: str) -> None:
    """The page in each look."""
    for look in walk_looks(page):
        photograph(page, folder / f"{look}-{name}.png")
