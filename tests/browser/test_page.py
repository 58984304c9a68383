"""The real app in a real browser: what a visitor does, from the first look to every tab."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import steps
from tests.browser.bundled import load_config
from tests.browser.conftest import Opener
from tests.browser.looks import PHONE, keep_looks
from tests.browser.server import find_app
from vitdemo.examples import example_paths


@pytest.fixture(scope="module")
def app_url() -> str:
    return find_app()


@pytest.fixture
def page(open_page: Opener, app_url: str) -> Page:
    return open_page(app_url)


def test_a_visit(open_page: Opener, app_url: str, artefacts: Path) -> None:
    """On a dark phone, and looked at in every size; the tests below use the page on a light desktop."""
    page = open_page(app_url, dark=True, **PHONE)
    assert page.evaluate("document.body.classList.contains('dark')")
    expect(page.locator("#note")).to_have_text("Example: airplane")

    picture = example_paths()["ship"]
    steps.upload(page, picture)
    steps.expect_answer(page, *steps.predict_by_hand(picture, keep_ratio=0.7))
    expect(page.locator("#label [data-testid$=confidence-set]")).to_have_count(5)
    expect(page.locator(".comparison tbody tr")).to_have_count(5)
    assert steps.read_live_tokens(page) == steps.read_analysed_tokens(page) == [64, 44, 31, 21]
    keep_looks(page, artefacts, "prediction")

    move_slider(page)
    steps.expect_answer(page, *steps.predict_by_hand(picture, keep_ratio=0.5))
    look_at_attention(page)
    keep_looks(page, artefacts, "attention")
    steps.open_tab(page, "Tokens", "#scores img")
    expect(page.locator("#kept .caption-label")).to_have_text(
        [
            "Input: 64 patches",
            "Stage 1: 32 of 64 patches",
            "Stage 2: 16 of 64 patches",
            "Stage 3: 8 of 64 patches",
        ]
    )
    keep_looks(page, artefacts, "tokens")
    steps.open_tab(page, "Inside", "#step-figure img")
    expect(page.locator("#step-text h2")).to_have_text("Your picture")
    for shape in ("(3, 32, 32)", "(64, 48)"):  # the crop; then 64 patches of 4 x 4 pixels in 3 colours
        page.locator("#step-next").click()
        expect(page.locator("#step-text .shape")).to_have_text(shape)
    keep_looks(page, artefacts, "how-it-works")


def test_what_an_event_has_read_is_not_marked_as_waiting(page: Page) -> None:
    """By gradio's own class: of an event that has ended 1 and 2 are outputs, 2 and 3 inputs."""
    marked = page.evaluate("""async () => {
        const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
        const module = await import(loaded.find((name) => name.includes("/statustracker-")));
        const marks = new (Object.values(module).find((one) => one?.prototype?.resolve_args))();
        marks.register(0, [1, 2], [2, 3], "full");
        marks.update({ fn_index: 0, status: "complete", stream_state: "closed" });
        return Object.entries(marks.current).map(([id, { status }]) => [id, status]);
    }""")
    assert marked == [["1", "complete"], ["2", "complete"]]


def move_slider(page: Page) -> None:
    """By the keyboard, from 30 to 50 %: the token line follows at once, the result when the key is up."""
    steps.show_settings(page)
    slider = page.locator("#ratio input[type=range]")
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    expect(page.locator("#counts b")).to_have_text(["64", "32", "16", "8"])
    steps.expect_analysed(page, [64, 32, 16, 8])


def look_at_attention(page: Page) -> None:
    """A click on a patch starts the look there, and the words say so."""
    attention = steps.open_attention(page)
    expect(attention.get_by_role("gridcell")).to_have_count(
        load_config().depth * (1 + load_config().num_heads)
    )
    attention.get_by_label("Dense", exact=True).check()
    steps.click_patch(page, 21)
    expect(attention.locator(".caption")).to_have_text(
        "Attention rollout · dense pass · from patch 21 (row 2, column 5)"
    )
    attention.get_by_role("button", name="Unpin").click()
    attention.get_by_label("Pruned", exact=True).check()
    expect(attention.locator(".caption")).to_have_text(
        "Attention rollout · pruned pass · from what the head reads"
    )


def test_bad_pictures_are_named_and_a_good_one_follows(page: Page, tmp_path: Path) -> None:
    for name, content in (("notes.png", b"hello"), ("empty.png", b"")):
        (tmp_path / name).write_bytes(content)
        steps.upload(page, tmp_path / name)
        expect(page.locator("#headline .problem")).to_contain_text(name)
        expect(page.locator("#label [data-testid$=confidence-set]")).to_have_count(0)
    steps.choose_example(page, "horse")
    expect(page.locator("#note")).to_have_text("Example: horse")
    steps.expect_answer(page, *steps.predict_by_hand(example_paths()["horse"], keep_ratio=0.7))


def test_several_pictures_make_a_strip_to_choose_from(page: Page) -> None:
    examples = example_paths()
    steps.upload(page, examples["cat"], examples["truck"], several=True)
    expect(page.locator("#note")).to_have_text("Your picture 1 of 2")
    steps.expect_answer(page, *steps.predict_by_hand(examples["cat"], keep_ratio=0.7))
    page.locator("#strip button.thumbnail-item").nth(1).click()
    expect(page.locator("#note")).to_have_text("Your picture 2 of 2")
    steps.expect_answer(page, *steps.predict_by_hand(examples["truck"], keep_ratio=0.7))
    page.locator("#picture").get_by_label("Remove Image").click()
    expect(page.locator("#headline")).to_have_text("Upload a picture, or choose an example, to begin.")


def test_the_controls_follow_the_model(page: Page) -> None:
    steps.choose(page, "model", "Standard ViT · CIFAR-10")
    expect(page.locator("#headline p.quiet")).to_contain_text("Standard ViT")
    expect(page.locator("#selector input")).to_have_value("Class attention")
    steps.set_ratio(page, 0)
    expect(page.locator("#counts")).to_contain_text("none pruned")
    steps.expect_analysed(page, [64])
    page.get_by_role("tab", name="Tokens").click()
    expect(page.locator("#tokens-note")).to_contain_text("Nothing was pruned")


def test_a_selector_chosen_while_the_server_hears_of_the_model_stays(open_page: Opener, app_url: str) -> None:
    page, waiting, slow = open_page(f"{app_url}?model=vit_cifar10"), [], True
    expect(page.locator("#headline p.quiet")).to_contain_text("Standard ViT")

    def slowly(route: Route) -> None:
        waiting.append(route) if slow else route.continue_()

    for address in ("**/queue/join*", "**/run/*"):
        page.route(address, slowly)
    steps.choose(page, "model", "DynamicViT · CIFAR-10")
    steps.choose(page, "selector", "Random")
    page.wait_for_timeout(300)
    slow = False
    for route in waiting:
        route.continue_()
    expect(page.locator("#headline p.quiet")).to_contain_text("DynamicViT")
    page.locator("#selector input").click()
    expect(
        page.get_by_role("option", name="Learned predictor")
    ).to_be_visible()  # the server's answer is there
    expect(page.get_by_role("option", name="Random")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.locator("#selector input")).to_have_value("Random")
    page.wait_for_function("new URLSearchParams(location.search).get('selector') === 'random'")


def test_a_hub_that_cannot_be_had_is_named_and_the_page_goes_on(page: Page) -> None:
    steps.choose(page, "model", "DeiT-Tiny")
    problem = page.locator("#another .problem[role=status]")
    expect(problem).to_contain_text("timm/deit_tiny_patch16_224")
    expect(problem).to_contain_text("What was shown stays; another name or a model without an arrow may do.")
    expect(page.locator("#model input")).to_have_value("DynamicViT · CIFAR-10")
    expect(page.locator("#headline p.quiet")).to_contain_text("DynamicViT")
    expect(page.locator("#headline .answer b")).to_have_text("airplane")
    steps.open_tab(page, "Compare", "#compare-result .sentence")
    steps.choose(page, "compare-model-b", "DeiT-Tiny")
    page.locator("#compare-run").click()
    expect(page.locator("#compare-result [role=alert]")).to_contain_text("timm/deit_tiny_patch16_224")
    expect(page.locator("#compare-maps img")).to_have_count(0)
    steps.choose(page, "compare-model-b", "Standard ViT · CIFAR-10")
    page.locator("#compare-run").click()
    expect(page.locator("#compare-result .sentence")).to_be_visible()
    expect(page.locator("#compare-maps img")).to_have_count(2)


def test_the_left_column_is_one_column_in_a_low_window(open_page: Opener, app_url: str) -> None:
    """It scrolls, and nothing of it stands beside it, out of sight."""
    page = open_page(app_url, width=1200, height=700)
    boxes = [page.locator(place).bounding_box() for place in ("#picture", "#settings", "#share")]
    ends = 0.0
    for box in boxes:
        assert box
        assert box["x"] == boxes[0]["x"]  # type: ignore[index]
        assert box["y"] >= ends
        ends = box["y"] + box["height"]
