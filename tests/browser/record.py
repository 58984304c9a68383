"""`python -m tests.browser.record docs/tour.gif`: a visit to the app as it ships, as an animation for README.

Beside it comes screenshot.png: what a page shows when it opens.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.bundled import load_config
from tests.browser.chromium import MISSING, SWITCHES, find_browser
from tests.browser.server import ROOT, find_app
from tests.browser.steps import expect_rest, hover_patch, open_attention, open_tab, show_attention
from vitdemo.weights import find_default_model

PATIENCE = 300_000  # milliseconds: the Trust tab runs the network some hundred times
WINDOW, SHOWN, COLOURS = (1200, 820), (800, 547), 128
WHOLE = 960  # the height of a window in which the left column need not scroll
# A round over the middle, in eighths of the picture.
PATCHES = (27, 28, 29, 37, 45, 44, 43, 35, 34, 26, 18, 19)
Shot = tuple[Image.Image, int]  # a frame and how long it stays, in milliseconds


def take_shot(page: Page, milliseconds: int) -> Shot:
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        return picture.convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS), milliseconds


def visit(page: Page) -> Iterator[Shot]:
    """The answer; where it looked, head by head and layer by layer; what was thrown away; whom to trust."""
    network = load_config(find_default_model())
    yield take_shot(page, 1800)
    attention = open_attention(page)
    attention.scroll_into_view_if_needed()
    yield take_shot(page, 1000)
    show_attention(page, method="raw-attention", layer=5, head=None)
    for patch in PATCHES:
        hover_patch(page, patch)
        yield take_shot(page, 260)
    for head in range(network.num_heads):
        show_attention(page, layer=5, head=head)
        yield take_shot(page, 450)
    for layer in range(network.depth):
        show_attention(page, method="head-rollout", layer=layer, head=None)
        yield take_shot(page, 350)
    page.mouse.move(5, 5)
    page.evaluate("window.scrollTo(0, 0)")
    open_tab(page, "Tokens", "#kept img")
    page.wait_for_timeout(1500)
    yield take_shot(page, 2200)
    open_tab(page, "Trust", ".trust .charts figure")
    page.wait_for_timeout(1500)
    yield take_shot(page, 2600)


def record_tour(file: Path) -> None:
    path = find_browser()
    if path is None:
        sys.exit(MISSING)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        # Without motion the film stands at its end, as it does for who looks at a page for a while.
        page = browser.new_page(viewport={"width": WINDOW[0], "height": WINDOW[1]}, reduced_motion="reduce")
        page.set_default_timeout(PATIENCE)
        page.goto(find_app(ROOT / "checkpoints"))
        expect_rest(page)
        for place in ("#class-maps img", "#link button", ".export button"):
            page.locator(place).first.wait_for()
        page.set_viewport_size({"width": WINDOW[0], "height": WHOLE})
        page.screenshot(path=file.with_name("screenshot.png"), full_page=True)
        page.set_viewport_size({"width": WINDOW[0], "height": WINDOW[1]})
        frames = list(visit(page))
        browser.close()
    pictures = [picture.quantize(COLOURS, dither=Image.Dither.NONE) for picture, _ in frames]
    times = [milliseconds for _, milliseconds in frames]
    pictures[0].save(file, save_all=True, append_images=pictures[1:], duration=times, loop=0, optimize=True)
    print(f"{file}: {len(frames)} frames, {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    record_tour(Path(sys.argv[1]))
