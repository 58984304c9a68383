"""WCAG 2.2 AA (1.4.3): every text of the page against what is really behind it, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.looks import FADED, TWO_FRAMES, paint
from tests.browser.seen import make_noise
from tests.browser.server import quick_models
from vitdemo.engine import Engine, Request

# Returns a line [ratio, limit, words, where] a visible text. Left out, as WCAG does: inactive controls, and
# text over pictures. An element's opacity mixes all that it paints with what was there before.
PROBE = r"""() => {
    function rgba(css) {
        const [r, g, b, a = 1] = css.match(/[\d.]+/g).map(Number);
        const scale = css.startsWith("rgb") ? 1 : css.startsWith("color(srgb ") ? 255 : NaN;
        if (!scale) throw new Error(`a colour of another kind: ${css}`);
        return [r * scale, g * scale, b * scale, a];
    }
    const mix = (below, above, share) => below.map((value, i) => value + share * (above[i] - value));
    const over = (below, css) => mix(below, rgba(css).slice(0, 3), rgba(css)[3]);
    function painted([element, ...inner], below, ink) {
        const style = getComputedStyle(element), ground = over(below, style.backgroundColor);
        const top = inner.length ? painted(inner, ground, ink) : ink ? over(ground, ink) : ground;
        return mix(below, top, Number(style.opacity));
    }
    const linear = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const luminance = (colour) => [0.2126, 0.7152, 0.0722]
        .reduce((sum, weight, i) => sum + weight * linear(colour[i] / 255), 0);
    function contrast(a, b) {
        const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
        return (high + 0.05) / (low + 0.05);
    }
    const line = (element) => element ? [...line(element.parentElement), element] : [];
    const pictures = [...document.querySelectorAll("img, canvas, video")]
        .filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect());
    const hides = (one, style = getComputedStyle(one)) => style.backgroundImage.includes("url(")
        || (one.clientWidth === 1 && style.overflow === "hidden");  // a picture, or only for screen readers
    function shown(element, box) {
        const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
        const off = ":disabled, [aria-disabled=true], label:has(:disabled)";
        return box.width > 1 && box.height > 1 && !element.closest(off)
            && element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
            && !line(element).some((one) => hides(one))
            && !pictures.some((one) => one.left < x && x < one.right && one.top < y && y < one.bottom);
    }
    function measured(element, words, box) {
        const style = getComputedStyle(element), size = parseFloat(style.fontSize);
        const ink = element.closest("svg") ? style.fill : style.color;
        if (!words || !shown(element, box) || rgba(ink)[3] === 0) return [];
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        const chain = line(element), canvas = [255, 255, 255];
        const ratio = contrast(painted(chain, canvas, ink), painted(chain, canvas, null));
        return [[ratio, large ? 3 : 4.5, words.slice(0, 60), chain.slice(-4).map(named).join(" > ")]];
    }
    const named = (one) => [one.localName, one.id, ...one.classList].filter(Boolean).join(".");
    const texts = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const range = document.createRange();
        range.selectNodeContents(node);
        texts.push(...measured(node.parentElement, node.data.trim(), range.getBoundingClientRect()));
    }
    const fields = "input:is([type=text], [type=number], :not([type])), textarea";
    for (const field of document.querySelectorAll(fields))
        texts.push(...measured(field, field.value, field.getBoundingClientRect()));
    return texts;
}"""


def expect_readable(page: Page, *, at_least: int) -> None:
    """Expect all texts that are seen to reach their limit, light and dark.

    Nothing is faded any more because it waits, or still on its way back from that. There are `at_least` so
    many texts, so that not everything was left out.
    """
    expect(page.locator("body.stale, .pending")).to_have_count(0)
    page.evaluate(TWO_FRAMES)  # it has begun
    page.wait_for_function(FADED)
    for dark in (True, False):
        paint(page, dark=dark)
        texts = page.evaluate(PROBE)
        assert len(texts) >= at_least
        assert not [text for text in texts if text[0] < text[1]], dark


def unfold_all(page: Page, tab: str) -> None:
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
    found = {text[2]: text[:2] for text in page.evaluate(PROBE)}
    page.close()
    expected = {"1": (3.98, 4.5), "2": (4.48, 4.5), "3": (3.98, 4.5), "6": (4.48, 3), "7": (4.48, 3)}
    assert found == {f"probe {name}": pytest.approx(pair, abs=0.02) for name, pair in expected.items()}


def test_every_text_can_be_read(open_page: Opener, app_url: str, tmp_path: Path) -> None:
    page = open_page(app_url)
    steps.expect_rest(page)
    steps.unfold_maps(page)
    expect_readable(page, at_least=70)
    steps.open_attention(page)
    expect_readable(page, at_least=80)
    fill_tokens(page)
    expect_readable(page, at_least=200)

    steps.open_tab(page, "Trust", ".trust .sentence")
    unfold_all(page, "tab-trust")
    page.locator("#sanity-run").click()
    page.locator("#sanity tbody tr").first.wait_for()
    expect_readable(page, at_least=120)
    steps.open_tab(page, "Inside", "#step-figure img")
    unfold_all(page, "tab-inside")
    page.locator("#card h1").wait_for()
    expect_readable(page, at_least=140)

    steps.open_tab(page, "Compare", "#compare-result .sentence")
    expect(page.locator("#compare-kept img")).to_have_count(2)
    expect_readable(page, at_least=110)
    page.locator("#compare-model-b input").click()
    option = page.get_by_role("option", name="DeiT-Tiny")
    option.wait_for()
    expect_readable(page, at_least=110)
    option.click()
    page.locator("#compare-run").click()
    page.locator("#compare-result .problem").wait_for()
    expect_readable(page, at_least=60)
    write_strange_pictures(page, tmp_path)


def fill_tokens(page: Page) -> None:
    """The tab Tokens with all that its sections can say."""
    steps.open_tab(page, "Tokens", "#scores img")
    unfold_all(page, "tab-tokens")
    page.locator("#lab-sweep-run").click()
    page.locator("#lab-smallest-run").click()
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
        expect_readable(page, at_least=50)


def is_unfamiliar(engine: Engine, picture: Image.Image) -> bool:
    result = engine.open(Request(picture))
    if result.analysis.unfamiliar is not None:
        return result.analysis.unfamiliar
    found = result.inside.rank_confidence()
    return found is not None and found.unusual
