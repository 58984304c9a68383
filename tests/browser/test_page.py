"""The real app in a real browser: what a visitor does, from the first look to every tab."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from vitdemo.data import decode, preprocess
from vitdemo.engine import DEFAULT_MODEL
from vitdemo.examples import example_paths
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.weights import load_model

LOOKS = {
    "desktop": {},
    "desktop-dark": {"dark": True},
    "phone": {"width": 390, "height": 844},
}


def by_hand(path: Path, *, keep_ratio: float) -> tuple[str, float]:
    """(label, probability) of the default model, without the engine."""
    loaded = load_model(DEFAULT_MODEL)
    pixels = preprocess(decode(path), config=loaded.spec.data).pixels
    selector = make_selector("learned", model=loaded.model, pixels=pixels)
    with torch.no_grad():
        logits = loaded.model(pixels, pruning=Pruning(selector, FixedRatio(keep_ratio)))
    probability, index = logits.softmax(-1)[0].max(-1)
    return loaded.classes[int(index)], float(probability)


@pytest.mark.parametrize("look", LOOKS)
def test_a_visit(look: str, open_page: Opener, app_url: str, artefacts: Path) -> None:
    page = open_page(app_url, **LOOKS[look])
    dark = page.evaluate("document.body.classList.contains('dark')")
    assert dark == ("dark" in look)
    expect(page.locator("#note")).to_have_text("Example: airplane")

    picture = example_paths()["ship"]
    steps.upload(page, picture)
    steps.expect_answer(page, *by_hand(picture, keep_ratio=0.7))
    expect(page.locator("#label [data-testid$=confidence-set]")).to_have_count(5)
    expect(page.locator(".comparison tbody tr")).to_have_count(5)
    assert steps.live_tokens(page) == steps.analysed_tokens(page) == [64, 44, 31, 21]
    keep(page, artefacts, look, "prediction")

    move_slider(page)
    steps.expect_answer(page, *by_hand(picture, keep_ratio=0.5))
    look_at_attention(page)
    keep(page, artefacts, look, "attention")
    steps.open_tab(page, "Tokens", "#scores img")
    expect(page.locator("#kept .caption-label")).to_have_text(
        [
            "Input: 64 patches",
            "Stage 1: 32 of 64 patches",
            "Stage 2: 16 of 64 patches",
            "Stage 3: 8 of 64 patches",
        ]
    )
    keep(page, artefacts, look, "tokens")
    steps.open_tab(page, "Inside", "#step-figure img")
    expect(page.locator("#step-text h2")).to_have_text("Your picture")
    for shape in ("(3, 32, 32)", "(64, 48)"):  # the crop; then 64 patches of 4 x 4 pixels in 3 colours
        page.locator("#step-next").click()
        expect(page.locator("#step-text .shape")).to_have_text(shape)
    keep(page, artefacts, look, "how-it-works")


def move_slider(page: Page) -> None:
    """By the keyboard, from 30 to 50 %: the token line follows at once, the result when the key is up."""
    slider = page.locator("#ratio input[type=range]")
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    expect(page.locator("#counts b")).to_have_text(["64", "32", "16", "8"])
    steps.expect_analysed(page, [64, 32, 16, 8])


def look_at_attention(page: Page) -> None:
    """A click on a patch starts the look there, and the words say so."""
    explorer = steps.open_explorer(page)
    expect(explorer.get_by_role("gridcell")).to_have_count(8 * 6)
    explorer.get_by_label("Dense", exact=True).check()
    steps.click_patch(page, 21)
    expect(explorer.locator(".caption")).to_have_text(
        "Attention rollout · dense pass · from patch 21 (row 2, column 5)"
    )
    explorer.get_by_role("button", name="Unpin").click()
    explorer.get_by_label("Pruned", exact=True).check()
    expect(explorer.locator(".caption")).to_have_text(
        "Attention rollout · pruned pass · from what the head reads"
    )


def keep(page: Page, folder: Path, look: str, name: str) -> None:
    """A screenshot for people to look at; and the page must not scroll sideways."""
    steps.expect_no_sideways_scroll(page)
    page.wait_for_timeout(400)
    page.screenshot(path=folder / f"{look}-{name}.png", full_page=True)


def test_bad_pictures_are_named_and_a_good_one_follows(
    open_page: Opener, app_url: str, tmp_path: Path
) -> None:
    page = open_page(app_url)
    for name, content in (("notes.png", b"hello"), ("empty.png", b"")):
        (tmp_path / name).write_bytes(content)
        steps.upload(page, tmp_path / name)
        expect(page.locator("#headline .problem")).to_contain_text(name)
        expect(page.locator("#label [data-testid$=confidence-set]")).to_have_count(0)
    page.locator("#examples button.thumbnail-item").nth(7).click()
    expect(page.locator("#note")).to_have_text("Example: horse")
    steps.expect_answer(page, *by_hand(example_paths()["horse"], keep_ratio=0.7))


def test_several_pictures_make_a_strip_to_choose_from(open_page: Opener, app_url: str) -> None:
    page, examples = open_page(app_url), example_paths()
    steps.upload(page, examples["cat"], examples["truck"], several=True)
    expect(page.locator("#note")).to_have_text("Your picture 1 of 2")
    steps.expect_answer(page, *by_hand(examples["cat"], keep_ratio=0.7))
    page.locator("#strip button.thumbnail-item").nth(1).click()
    expect(page.locator("#note")).to_have_text("Your picture 2 of 2")
    steps.expect_answer(page, *by_hand(examples["truck"], keep_ratio=0.7))
    page.locator("#picture").get_by_label("Remove Image").click()
    expect(page.locator("#headline")).to_have_text("Upload a picture, or choose an example, to begin.")


def test_the_controls_follow_the_model(open_page: Opener, app_url: str) -> None:
    page = open_page(app_url)
    page.locator("#model input").click()
    page.get_by_role("option", name="Standard ViT · CIFAR-10").click()
    expect(page.locator("#headline .quiet")).to_contain_text("Standard ViT")
    expect(page.locator("#selector input")).to_have_value("Class attention")
    page.locator("#ratio input[type=number]").fill("0")
    page.locator("#ratio input[type=number]").press("Enter")
    expect(page.locator("#counts")).to_contain_text("none pruned")
    steps.expect_analysed(page, [64])
    page.get_by_role("tab", name="Tokens").click()
    expect(page.locator("#tokens-note")).to_contain_text("Nothing was pruned")


def test_a_hub_that_cannot_be_had_is_named_and_the_page_goes_on(open_page: Opener, app_url: str) -> None:
    page = open_page(app_url)
    page.locator("#model input").click()
    page.get_by_role("option", name="DeiT-Tiny").click()
    expect(page.locator("#headline [role=alert]")).to_contain_text("timm/deit_tiny_patch16_224")
    page.locator("#model input").click()
    page.get_by_role("option", name="DynamicViT · CIFAR-10").click()
    expect(page.locator("#headline .quiet")).to_contain_text("DynamicViT")
    expect(page.locator("#headline .answer b")).to_have_text("airplane")
