"""What a visitor does and reads, in the words of the page."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect


def upload(page: Page, *paths: Path, several: bool = False) -> None:
    """Through the picture itself, or through the button for several."""
    area = "#sources" if several else "#picture"
    if not several and page.locator("#picture input[type=file]").count() == 0:
        page.locator("#picture").get_by_label("Remove Image").click()
    page.locator(f"{area} input[type=file]").first.set_input_files([str(path) for path in paths])


def expect_answer(page: Page, label: str, probability: float) -> None:
    """The headline says `label` with `probability`, as the page prints it."""
    expect(page.locator("#headline .answer")).to_have_text(f"{label}{100 * probability:.1f} %")


def live_tokens(page: Page) -> list[int]:
    """The numbers of the line under the slider."""
    return [int(number) for number in page.locator("#counts b").all_inner_texts()]


def analysed_tokens(page: Page) -> list[int]:
    """The numbers in the result line."""
    words = page.locator("#headline .quiet").inner_text()
    path = re.search(r"([\d → ]+) tokens", words)
    assert path, words
    return [int(number) for number in path[1].split("→")]


def expect_analysed(page: Page, tokens: list[int]) -> None:
    expect(page.locator("#headline .quiet")).to_contain_text(" · " + " → ".join(map(str, tokens)) + " tokens")


def open_tab(page: Page, name: str, shown: str) -> Locator:
    """Opens a tab and waits for the picture `shown` in it."""
    page.get_by_role("tab", name=name).click()
    picture = page.locator(shown).first
    picture.wait_for()
    return picture


def choose_dense(page: Page) -> None:
    """The dense pass, where no patch is missing; waits for its figure, which a click must meet."""
    picture = page.locator("#attention-figure img")
    before = picture.get_attribute("src") or ""
    page.get_by_label("Dense", exact=True).check()
    expect(picture).not_to_have_attribute("src", before)


def click_patch(page: Page, row: int, column: int, *, grid: int = 8) -> None:
    """The middle of a patch of the attention figure, whose top is a square of `grid` x `grid` patches."""
    picture = page.locator("#attention-figure img")
    box = picture.bounding_box()
    assert box
    side = box["width"] / grid
    picture.click(position={"x": (column + 0.5) * side, "y": (row + 0.5) * side})


def expect_no_sideways_scroll(page: Page) -> None:
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], width
