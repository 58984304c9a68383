"""What a visitor does and reads, in the words of the page."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, Position, expect

from tests.browser.server import MODEL
from vitdemo.data import preprocess
from vitdemo.decode import decode
from vitdemo.examples import EXAMPLES, KINDS, THINGS, example_paths
from vitdemo.maps import CLASS_METHODS
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.weights import load_model

FAMILIAR = re.compile(
    "validated on|has learned from|none of the"
)  # what is told of how familiar a picture is


@cache
def predict_by_hand(path: Path, *, keep_ratio: float, model: str = MODEL) -> tuple[str, float]:
    """Return (label, probability) of `model`, pruned by its learned scores, without the engine.

    The pass is recorded, as the page's is: two patches of one example have scores so much alike (a difference
    of 7e-7) that the fused attention of a pass without a record keeps the other one.
    """
    loaded = load_model(model)
    pixels = preprocess(decode(path), config=loaded.spec.data).pixels
    selector = make_selector("learned", model=loaded.model, pixels=pixels)
    trace = record(loaded.model, pixels, pruning=Pruning(selector, FixedRatio(keep_ratio)), name=model)
    assert trace.logits is not None
    probability, index = trace.logits.softmax(-1).max(-1)
    return loaded.classes[int(index)], float(probability)


def show_settings(page: Page) -> None:
    """Unfold them, where the page is so narrow that they are folded."""
    fold = page.locator("#fold button")
    if fold.is_visible() and fold.get_attribute("aria-expanded") == "false":
        fold.click()


def choose(page: Page, control: str, option: str) -> None:
    """In the menu `control`."""
    show_settings(page)
    page.locator(f"#{control} input").click()
    page.get_by_role("option", name=option).first.click()


def choose_example(page: Page, name: str) -> None:
    others = KINDS if EXAMPLES[name] in KINDS else THINGS
    place = others.index(EXAMPLES[name])
    show_settings(page)
    page.locator("#examples button.thumbnail-item").nth(place).click()


def show_example(page: Page, name: str) -> None:
    """Have the example chosen, if it is not; at the settings of a page that opens it is analysed then."""
    if page.locator("#note").inner_text() != f"Example: {name}":
        choose_example(page, name)
    expect(page.locator("#note")).to_have_text(f"Example: {name}")
    expect_answer(page, *predict_by_hand(example_paths()[name], keep_ratio=0.7))


def set_ratio(page: Page, percent: int) -> None:
    show_settings(page)
    number = page.locator("#ratio input[type=number]")
    number.fill(str(percent))
    number.press("Enter")


def upload(page: Page, *paths: Path, several: bool = False) -> None:
    """Through the picture itself, or through the button for several."""
    area = "#sources" if several else "#picture"
    if not several and page.locator("#picture input[type=file]").count() == 0:
        page.locator("#picture").get_by_label("Remove Image").click()
    page.locator(f"{area} input[type=file]").first.set_input_files([str(path) for path in paths])


def expect_answer(page: Page, label: str, probability: float) -> None:
    """The headline says `label` with `probability`, as the page prints it."""
    expect(page.locator("#headline .answer")).to_have_text(f"{label}{100 * probability:.1f} %")


def read_live_tokens(page: Page) -> list[int]:
    """Return the numbers of the line under the slider."""
    return [int(number) for number in page.locator("#counts b").all_inner_texts()]


def expect_known(page: Page) -> None:
    """The browser knows what the network says at every ratio: nothing is run ahead any more."""
    expect(page.locator(".film")).to_have_attribute("data-steps", "ready")


def expect_counted(page: Page, tokens: list[int]) -> None:
    """The line under the slider has these numbers."""
    expect(page.locator("#counts b")).to_have_text([str(count) for count in tokens])


def read_analysed_tokens(page: Page) -> list[int]:
    """Return the numbers in the result line."""
    words = page.locator("#headline p.quiet").inner_text()
    path = re.search(r"([\d → ]+) tokens", words)
    assert path, words
    return [int(number) for number in path[1].split("→")]


def expect_analysed(page: Page, tokens: list[int]) -> None:
    path = " → ".join(map(str, tokens))
    expect(page.locator("#headline p.quiet")).to_contain_text(f" · {path} tokens")


def open_tab(page: Page, name: str, shown: str) -> Locator:
    """Open a tab and wait for the picture `shown` in it."""
    page.get_by_role("tab", name=name).click()
    picture = page.locator(shown).first
    picture.wait_for()
    return picture


def unfold(page: Page, section: str) -> Locator:
    """Open a section, if it is not open yet.

    Do so by the keyboard: what another section has just been filled with may move this one away under a mouse
    button that is down.
    """
    part = page.locator(f"#{section}")
    button = part.locator("button.label-wrap").first
    if "open" not in (button.get_attribute("class") or "").split():
        button.press("Enter")
    return part


def unfold_maps(page: Page) -> None:
    """Open the maps of a class behind the first one, and wait for all of them."""
    unfold(page, "more-maps")
    expect(page.locator("#class-maps img")).to_have_count(1)
    expect(page.locator("#other-maps img")).to_have_count(len(CLASS_METHODS) - 1)


def open_attention(page: Page) -> Locator:
    """Open the attention tab and wait until its first map is drawn."""
    open_tab(page, "Attention", ".attention")
    attention = page.locator(".attention")
    expect(attention).to_have_attribute("data-ready", "ready")
    return attention


def expect_attention(page: Page, key: str, *, ready: bool = True) -> None:
    """The Attention tab shows the result with this key: all of it, or as much as came first."""
    expect(page.locator(".attention")).to_have_attribute("data-analysis", key[:12])
    if ready:
        expect(page.locator(".attention")).to_have_attribute("data-ready", "ready")


def show_attention(page: Page, **state: Any) -> None:
    """Bring the Attention tab into this state, as a link would."""
    page.evaluate("state => document.querySelector('.attention').attention.restore(state)", state)


def read_attention_state(page: Page) -> dict[str, Any]:
    """Return what the Attention tab says that it shows."""
    return json.loads(page.locator(".attention").get_attribute("data-state") or "{}")


def expect_shown_query(page: Page, patch: int | None) -> None:
    """The map starts from `patch`; None = from what the head reads."""
    expect(page.locator(".attention")).to_have_attribute("data-shown", json.dumps(patch))


def locate_patch(page: Page, patch: int, *, grid: int = 8) -> Position:
    """Return the middle of a patch, from the upper left corner of its picture."""
    box = page.locator(".attention .picture").bounding_box()
    assert box
    row, column = divmod(patch, grid)
    return {"x": (column + 0.5) * box["width"] / grid, "y": (row + 0.5) * box["height"] / grid}


def click_patch(page: Page, patch: int) -> None:
    page.locator(".attention .picture").click(position=locate_patch(page, patch))


def hover_patch(page: Page, patch: int) -> None:
    page.locator(".attention .picture").hover(position=locate_patch(page, patch))


def expect_rest(page: Page) -> None:
    """What the page brought along was drawn again for this visitor, and nothing waits for an answer."""
    expect(page.locator("#familiarity .note, #familiarity p").first).to_be_visible()
    page.wait_for_timeout(500)
    expect(page.locator("body.stale")).to_have_count(0)
    expect(page.locator("#right .pending, #right .wrap.minimal:not(.hide)")).to_have_count(0)


def expect_no_sideways_scroll(page: Page) -> None:
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], width
