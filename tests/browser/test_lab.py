"""The pruning laboratory in a real browser: the numbers on the page are the network's."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.looks import PHONE, keep_looks
from tests.browser.server import MODEL
from vitdemo.data import preprocess
from vitdemo.decode import decode
from vitdemo.examples import example_paths
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.weights import load_model


@pytest.fixture(scope="module")
def bare() -> tuple[torch.nn.Module, torch.Tensor, tuple[set[int], ...], tuple[str, ...]]:
    """The network, the first example's pixels, what stays at each stage of 30 %, and the classes."""
    loaded = load_model(MODEL)
    pixels = preprocess(decode(example_paths()["airplane"]), config=loaded.spec.data).pixels
    selector = make_selector("learned", model=loaded.model, pixels=pixels)
    trace = record(loaded.model, pixels, pruning=Pruning(selector, FixedRatio(0.7)))
    kept = tuple(set(ids.tolist()) for ids in trace.kept)
    return loaded.model, pixels, (set(range(64)), *kept), loaded.classes


@torch.no_grad()
def expect_probabilities(page: Page, bare: tuple, *, keep: set[int], drop: set[int]) -> None:
    """The column "Now" holds what the bare network says under the same sets."""
    model, pixels, stages, classes = bare
    sets = tuple(torch.tensor(sorted((stage | keep) - drop)) for stage in stages)
    found = model(pixels, pruning=Pruning(None, Explicit(sets))).softmax(-1)[0]
    order = found.argsort(descending=True)[:5].tolist()
    rows = page.locator("#lab-surgery tbody tr")
    expect(rows.locator("b")).to_have_text([f"{100 * float(found[index]):.1f} %" for index in order])
    expect(rows.locator("th")).to_have_text([classes[index] for index in order])
    path = " → ".join(str(len(ids)) for ids in sets)
    expect(page.locator("#lab-surgery .quiet")).to_contain_text(f"{path} patches")


def test_patches_are_forced_undone_and_redone(open_page: Opener, app_url: str, bare: tuple) -> None:
    page = open_page(app_url)
    steps.open_tab(page, "Tokens", "#scores img")
    steps.unfold(page, "lab-surgery-section")
    patches, doing = page.locator("#lab-board .cells button"), page.locator("#lab-board [data-do]")
    expect(patches).to_have_count(64)
    survivors = sorted(bare[2][-1])
    first, second = survivors[0], survivors[5]
    gone = min(bare[2][0] - bare[2][1])
    expect(patches.nth(gone)).to_have_attribute("data-stage", "1")

    patches.nth(first).click()
    expect_probabilities(page, bare, keep=set(), drop={first})
    patches.nth(gone).click()
    patches.nth(gone).click()
    expect_probabilities(page, bare, keep={gone}, drop={first})
    page.locator("[data-do=undo]").click()
    expect_probabilities(page, bare, keep=set(), drop={first, gone})
    page.locator("[data-do=redo]").click()
    expect_probabilities(page, bare, keep={gone}, drop={first})

    patches.nth(second).focus()  # by the keyboard: there and back, and one change
    step, back = ("ArrowRight", "ArrowLeft") if second % 8 < 7 else ("ArrowLeft", "ArrowRight")
    page.keyboard.press(step)
    expect(patches.nth(second + (1 if step == "ArrowRight" else -1))).to_be_focused()
    page.keyboard.press(back)
    page.keyboard.press("Enter")
    expect_probabilities(page, bare, keep={gone}, drop={first, second})
    expect(patches.nth(second)).to_have_attribute(
        "aria-label", f"Patch {second}, row {second // 8}, column {second % 8}: forced to go"
    )

    page.locator("[data-do=only]").click()
    expect_probabilities(page, bare, keep={gone}, drop=set(range(64)) - {gone})
    expect(page.locator("#lab-board .summary")).to_have_text("1 forced to stay, 63 forced to go")
    patches.nth(gone).click()  # left to the selector, which drops it: nothing would be left
    expect(page.locator("#lab-surgery .problem")).to_contain_text("at least one patch")
    page.locator("[data-do=reset]").click()
    expect_probabilities(page, bare, keep=set(), drop=set())
    expect(doing.nth(2)).to_be_disabled()


def test_every_section(open_page: Opener, app_url: str, artefacts: Path) -> None:
    page = open_page(app_url, **PHONE)
    steps.open_tab(page, "Tokens", "#scores img")
    steps.unfold(page, "lab-adaptive")
    expect(page.locator("#lab-adaptive-result tbody tr")).to_have_count(4)
    steps.unfold(page, "lab-surgery-section")
    expect(page.locator("#lab-board .cells button")).to_have_count(64)
    steps.unfold(page, "lab-smallest")
    page.locator("#lab-smallest-run").click()
    expect(page.locator("#lab-smallest-result .lab-answer")).to_contain_text("of 64")
    steps.unfold(page, "lab-film")
    for button, kind, frames in (("#lab-film-png", "PNG", 1), ("#lab-film-gif", "GIF", 4)):
        expect(page.locator(button)).to_be_enabled()
        with page.expect_download() as download:
            page.locator(button).click()
        data = Path(download.value.path()).read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, getattr(image, "n_frames", 1)) == (kind, frames)
        assert len(data) < 10**6
    steps.unfold(page, "lab-sweep")
    page.locator("#lab-sweep-run").click()
    expect(page.locator("#lab-sweep-result tbody tr")).to_have_count(10)
    expect(page.locator("#lab-sweep-result .lab-chart")).to_have_count(2)
    expect(page.locator("#lab-sweep-result .lab-said li")).to_have_count(4)
    answer, probability = (page.locator(f"#headline .answer {tag}").inner_text() for tag in ("b", "span"))
    cells = page.locator("#lab-sweep-result tbody tr").nth(3).locator("td").all_inner_texts()
    assert cells[0] == "64 → 44 → 31 → 21"
    assert cells[-2:] == [answer, probability]
    expect(page.locator("#lab-kept .caption-label")).to_have_count(10)
    keep_looks(page, artefacts, "lab")

    steps.choose_example(page, "horse")  # another picture: nothing old stays
    expect(page.locator("#lab-sweep-result tbody tr")).to_have_count(0)
    expect(page.locator("#lab-smallest-result .lab-answer")).to_have_count(0)
    expect(page.locator("#lab-board [data-state=drop]")).to_have_count(1)  # the legend's
