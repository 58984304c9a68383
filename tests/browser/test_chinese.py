"""The whole page in Chinese: nothing that a visitor reads is English, while others read English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.looks import DESKTOP, PHONE, photograph, resize
from tests.ui.catalogue import find_english

TABS = {
    "注意力": ".attention[data-ready=ready]",
    "特征": ".features[data-ready=ready]",
    "词元": "#scores img",
    "可信度": ".trust .sentence",
    "模型内部": "#step-figure img",
    "对比": "#compare-result table",
}
CJK = re.compile(r"[\u4e00-\u9fff]")
# Names that stay as they are, and what gradio's components tell screen readers in English only.
ALLOWED = (
    "Darcet et al.",
    "number input for",
    "range slider for",
    "Capture from camera",
    "Paste from clipboard",
    "Gradio footer navigation",
)
# Every text that is shown, and every attribute that is read out, apart from what comes from the model's card.
READ = """() => {
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const skipped = (element) => element.closest("#card, #card-figures, script, style, code");
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!skipped(parent) && (shown(parent) || parent.closest("svg"))) found.push(walker.currentNode.data);
  }
  for (const name of ["aria-label", "placeholder", "title", "alt"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      if (!skipped(element)) found.push(element.getAttribute(name));
    }
  }
  return found;
}"""


def expect_chinese(page: Page, *, entries: int) -> None:
    """No text has three English words in a row, none is an untranslated mark, many are Chinese."""
    read = page.evaluate(READ)
    wrong = {text.strip(): words for text in read if (words := find_english(text, allowed=ALLOWED))}
    assert not wrong
    assert not [text for text in read if "__i18n__" in text]
    assert sum(CJK.search(text) is not None for text in read) >= entries


def see(page: Page, tab: str) -> None:
    steps.open_tab(page, tab, TABS[tab])


def keep(page: Page, folder: Path, name: str) -> None:
    """Look at what is shown on a phone; that and a desktop have room for it."""
    steps.expect_no_sideways_scroll(page)
    resize(page, PHONE)
    steps.expect_no_sideways_scroll(page)
    photograph(page, folder / f"phone-chinese-{name}.png")
    expect_chinese(page, entries=40)
    page.set_viewport_size(DESKTOP)


def test_every_tab_is_chinese(open_page: Opener, app_url: str, artefacts: Path) -> None:
    page = open_page(app_url, locale="zh-CN")
    expect(page).to_have_title("走进 Vision Transformer")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#note")).to_have_text("示例：飞机")
    expect(page.locator("#counts")).to_contain_text("个词元")
    expect(page.locator("#selector input")).to_have_value("可学习预测器")
    steps.expect_rest(page)
    expect(page.locator("#class-why")).to_contain_text("排在首位：在 100 张图片上")
    steps.unfold_maps(page)
    expect_chinese(page, entries=40)
    keep(page, artefacts, "prediction")

    see(page, "注意力")
    page.locator(".attention").get_by_label("未剪枝", exact=True).check()
    steps.click_patch(page, 21)
    expect(page.locator(".attention .caption")).to_contain_text("起点：图像块 21（第 2 行，第 5 列）")
    expect_chinese(page, entries=80)
    keep(page, artefacts, "attention")

    see(page, "特征")
    expect(page.locator(".features .second")).to_contain_text("相似度")
    expect_chinese(page, entries=40)
    keep(page, artefacts, "features")

    see(page, "词元")
    for section in ("sweep", "surgery-section", "smallest", "adaptive", "stages", "film"):
        steps.unfold(page, f"lab-{section}")
    page.locator("#lab-board .cells button").nth(27).click()
    expect(page.locator("#lab-surgery tbody tr")).to_have_count(5)
    page.locator("#lab-sweep-run").click()
    page.locator("#lab-smallest-run").click()
    expect(page.locator("#lab-smallest-result .lab-answer")).to_contain_text("答案仍为")
    expect(page.locator("#lab-sweep-result tbody tr")).to_have_count(10)
    expect(page.locator("#lab-adaptive-result tbody tr")).to_have_count(4)
    expect(page.locator("#lab-film-gif")).to_be_enabled()
    page.locator("#lab-stages-run").click()
    expect(page.locator("#lab-stages-result tbody tr")).to_have_count(5)
    expect_chinese(page, entries=200)
    keep(page, artefacts, "tokens")

    see(page, "可信度")
    steps.unfold(page, "checks")
    page.locator("#sanity-run").click()
    expect(page.locator("#sanity tbody tr")).to_have_count(6)
    expect_chinese(page, entries=200)
    keep(page, artefacts, "trust")

    look_inside(page)
    keep(page, artefacts, "inside")
    see(page, "对比")
    steps.unfold(page, "compare-pictures")
    expect(page.locator("#compare-features .second")).to_contain_text("另一张图片：与左图图像块")
    expect_chinese(page, entries=200)
    keep(page, artefacts, "compare")


def look_inside(page: Page) -> None:
    """Step by step, then the weights, the heads and each head silenced."""
    see(page, "模型内部")
    choices = page.locator("#steps label")
    for number in range(choices.count()):
        choices.nth(number).click()
        expect(page.locator("#step-text .quiet")).to_have_text(f"第 {number + 1} 步，共 {choices.count()} 步")
        expect_chinese(page, entries=200)
    for section in ("inside-weights", "inside-heads", "inside-card", "inside-speed"):
        steps.unfold(page, section)
    page.locator("#norms img").wait_for()
    page.locator("#ablation-run").click()
    expect(page.locator("#ablation img")).to_have_attribute("alt", "去掉每个头之后答案 logit 的变化表")
    expect_chinese(page, entries=200)


@pytest.fixture(scope="module")
def chinese(open_once: Opener, app_url: str) -> Page:
    """A page for the tests that choose their pictures themselves."""
    return open_once(app_url, locale="zh-CN")


def test_two_visitors_of_two_languages_at_once(chinese: Page, open_page: Opener, app_url: str) -> None:
    english_page = open_page(app_url, locale="en-US")
    both = ((chinese, "马", ("未剪枝", "概率")), (english_page, "horse", ("Dense", "Probability")))
    for page, answer, words in both:
        steps.choose_example(page, "horse")
        expect(page.locator("#headline .answer b")).to_have_text(answer)
        expect(page.locator(".comparison thead th").first).to_have_text(words[0])
        expect(page.locator(".comparison tbody th").nth(1)).to_have_text(words[1])
    expect(english_page).to_have_title("Inside a Vision Transformer")
    expect(english_page.locator("html")).to_have_attribute("lang", "en")
    expect(english_page.locator("#note")).to_have_text("Example: horse")
    steps.open_attention(english_page)
    assert not [text for text in english_page.evaluate(READ) if CJK.search(text) or "__i18n__" in text]


@pytest.mark.usefixtures("offline")
def test_what_goes_wrong_is_said_in_chinese(chinese: Page, tmp_path: Path) -> None:
    page = chinese
    steps.choose_example(page, "ship")
    expect(page.locator("#headline .answer b")).to_have_text("轮船")
    steps.choose(page, "model", "DeiT-Tiny")
    problem = page.locator("#another .problem")
    expect(problem).to_contain_text("Hub 客户端处于离线状态")
    expect(problem).to_contain_text("当前显示的内容保持不变")
    expect(page.locator("#model")).to_contain_text("可学习的预测器决定保留哪些图像块")
    steps.choose(page, "model", "Standard ViT · CIFAR-10")
    expect(page.locator("#headline .answer b")).to_have_text("轮船")
    expect(page.locator("#selector input")).to_have_value("类别注意力")
    (tmp_path / "notes.png").write_bytes(b"hello")
    page.locator("#picture button[aria-label='Remove Image']").click()
    expect(page.locator("#headline")).to_have_text("请上传一张图片或选择一个示例。")
    page.locator("#picture input[type=file]").set_input_files(str(tmp_path / "notes.png"))
    expect(page.locator("#headline .problem")).to_contain_text("notes.png 不是可识别格式")
    expect_chinese(page, entries=30)
