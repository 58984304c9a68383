"""How well a text can be told from what is really behind it: WCAG 2.2, 1.4.3."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

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


def measure_texts(page: Page) -> list[list[Any]]:
    """Return [contrast, the least that WCAG asks for, words, where] of each visible text."""
    return page.evaluate(PROBE)


def expect_readable(page: Page, *, at_least: int) -> None:
    """Expect all texts that are seen to reach their limit.

    There are `at_least` so many, so that not everything was left out.
    """
    texts = measure_texts(page)
    assert len(texts) >= at_least
    assert not [text for text in texts if text[0] < text[1]]
