"""WCAG 2.2 AA on every tab, with all that its sections can say: axe-core and contrast, dark, light, phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.axe import BUT_CONTRAST, EVERY, list_grave, load_axe
from tests.browser.conftest import Opener
from tests.browser.contrast import expect_readable, measure_texts
from tests.browser.looks import DESKTOP, FADED, PHONE, TWO_FRAMES, paint, resize
from tests.browser.seen import make_noise
from tests.browser.server import quick_models
from vitdemo.engine import Engine, Request

WHOLE, OPEN = "html", "#right .tabitem:not([style*='display: none'])"


def expect_sound(page: Page, *, part: str = OPEN, at_least: int) -> None:
    """Expect `part` to have no serious finding, and `at_least` so many texts on the page, all readable.

    The texts in each size and colour scheme; axe on a light phone, where half of them may be folded, and on a
    dark desktop. Nothing is faded any more because it waits, or still on its way back from that.
    """
    steps.expect_rest(page)
    looks = ((PHONE, (True, False), EVERY, at_least // 2), (DESKTOP, (False, True), BUT_CONTRAST, at_least))
    for size, schemes, rules, texts in looks:
        resize(page, size)
        for dark in schemes:
            paint(page, dark=dark)
            settle(page)
            expect_readable(page, at_least=texts)
        assert list_grave(page, part, rules) == [], size


def settle(page: Page) -> None:
    expect(page.locator("body.stale, .pending")).to_have_count(0)
    page.evaluate(TWO_FRAMES)  # it has begun
    page.wait_for_function(FADED)


def expect_texts(page: Page, *, at_least: int) -> None:
    """Expect all texts to be readable, light and dark, where a tab says something else for once."""
    settle(page)
    for dark in (True, False):
        paint(page, dark=dark)
        expect_readable(page, at_least=at_least)


def unfold_all(page: Page, tab: str) -> None:
    """All sections of the open tab, whose contents come."""
    for button in page.locator(f"#{tab} button.label-wrap").all():
        button.press("Enter")


def test_the_probe_sees_through_layers(browser: Browser) -> None:
    """The luminances are worked out by hand.

    Half white over black has the luminance 0.2140, so white on it is 1.05 / 0.2640; so is black that is half
    faded, on white; #777 on white is 1.05 / (0.1845 + 0.05). Hidden and inactive: none.
    """
    page = browser.new_page()
    page.set_content("""
        <div style="background: #000; color: #fff">
            <p style="background: rgb(255 255 255 / 0.5)">probe 1</p></div>
        <div style="background: #fff; color: #777"><p>probe 2</p>
            <p style="opacity: 0.5; color: #000">probe 3</p>
            <p style="opacity: 0">probe 4</p><button disabled>probe 5</button>
            <p style="font-size: 24px">probe 6</p><b style="font-size: 18.7px">probe 7</b></div>""")
    found = {text[2]: text[:2] for text in measure_texts(page)}
    page.close()
    expected = {"1": (3.98, 4.5), "2": (4.48, 4.5), "3": (3.98, 4.5), "6": (4.48, 3), "7": (4.48, 3)}
    assert found == {f"probe {name}": pytest.approx(pair, abs=0.02) for name, pair in expected.items()}


@pytest.mark.usefixtures("offline")
def test_every_tab(open_page: Opener, app_url: str, tmp_path: Path) -> None:
    page = open_page(app_url)
    load_axe(page)
    steps.expect_rest(page)
    steps.unfold_maps(page)
    expect_sound(page, part=WHOLE, at_least=70)
    steps.open_attention(page)
    expect_sound(page, at_least=80)
    steps.open_tab(page, "Features", ".features[data-ready=ready]")
    expect_sound(page, at_least=70)
    fill_tokens(page)
    expect_sound(page, at_least=200)

    steps.open_tab(page, "Trust", ".trust .sentence")
    unfold_all(page, "tab-trust")
    page.locator("#sanity-run").click()
    page.locator("#sanity tbody tr").first.wait_for()
    expect_sound(page, at_least=120)
    steps.open_tab(page, "Inside", "#step-figure img")
    unfold_all(page, "tab-inside")
    page.locator("#card h1").wait_for()
    expect_sound(page, at_least=140)

    steps.open_tab(page, "Compare", "#compare-result .sentence")
    unfold_all(page, "tab-compare")
    expect(page.locator("#compare-kept img")).to_have_count(2)
    expect_sound(page, at_least=110)
    page.locator("#compare-model-b input").click()
    option = page.get_by_role("option", name="DeiT-Tiny")
    option.wait_for()
    expect_texts(page, at_least=110)
    option.click()
    page.locator("#compare-run").click()
    page.locator("#compare-result .problem").wait_for()
    expect_texts(page, at_least=60)
    write_strange_pictures(page, tmp_path)


def fill_tokens(page: Page) -> None:
    """The tab Tokens with all that its sections can say."""
    steps.open_tab(page, "Tokens", "#scores img")
    unfold_all(page, "tab-tokens")
    page.locator("#lab-sweep-run").click()
    page.locator("#lab-smallest-run").click()
    page.locator("#lab-stages-run").click()
    expect(page.locator("#lab-stages-result tbody tr")).to_have_count(5)
    expect(page.locator("#lab-adaptive-result tbody tr")).to_have_count(4)
    expect(page.locator("#lab-sweep-result tbody tr")).to_have_count(10)
    page.locator("#lab-smallest-result .lab-answer").wait_for()
    page.locator("#lab-board .cells button").first.click()
    page.locator("#lab-surgery tbody tr").first.wait_for()


def write_strange_pictures(page: Page, folder: Path) -> None:
    """One that is unlike the training pictures, and one that is none."""
    engine = Engine(device="cpu", models_dir=quick_models())
    pictures = (make_noise(seed) for seed in range(100))
    next(one for one in pictures if is_unfamiliar(engine, one)).save(folder / "noise.png")
    (folder / "notes.png").write_bytes(b"hello")
    for name, said, compare in (
        ("noise.png", "#familiarity .unusual", "Press Compare to see what A and B make of this picture."),
        ("notes.png", "#headline .problem", "Analyse a picture first."),
    ):
        steps.upload(page, folder / name)
        page.locator(said).wait_for()
        expect(page.locator("#compare-result .note")).to_have_text(compare)
        expect_texts(page, at_least=50)


def is_unfamiliar(engine: Engine, picture: Image.Image) -> bool:
    result = engine.open(Request(picture))
    if result.analysis.unfamiliar is not None:
        return result.analysis.unfamiliar
    found = result.inside.rank_confidence()
    return found is not None and found.unusual
