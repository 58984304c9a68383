"""Networks of the Hub: one that lies in the cache, one that a visitor names, and one that is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
from playwright.sync_api import Page, expect
from timm.models import save_for_hf

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.server import quick_models, start_app, stop
from tests.serving.visitors import Visitor
from tests.weights.hub import COMMIT, Hub
from tests.weights.samples import write_own
from vitdemo.registry import MODELS

KEY = "deit_tiny"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, str]]:
    """A page, and its Hub, an imitation: it was asked for one network before, and has a small one besides."""
    folder: Path = tmp_path_factory.mktemp("hub")
    hub = Hub(folder / "repos")
    repo = hub.root / MODELS[KEY].source.removeprefix("hf-hub:")
    repo.parent.mkdir(parents=True)
    save_for_hf(timm.create_model("deit_tiny_patch16_224"), str(repo), safe_serialization=True)
    for one in ("mine", "linked"):
        write_own(hub.root / "me" / one)
    client = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1"}
    models = ("--models-dir", str(quick_models()))
    app, address = start_app(str(folder / "files"), *models, HF_HUB_OFFLINE="0", **client)
    assert '"labels"' in Visitor(address).analyse(KEY)
    yield hub, address
    stop(app)
    hub.stop()


def test_one_click_asks_a_network_that_knows_more_words(served: tuple[Hub, str], open_page: Opener) -> None:
    page = open_page(served[1])
    wider = page.get_by_role("button", name="Ask a network that knows 1,000 words")
    wider.click()
    expect(page.locator("#headline .quiet")).to_contain_text(MODELS[KEY].title)
    expect(page.locator("#model input")).to_have_value(re.compile(f"^{re.escape(MODELS[KEY].title)}"))
    expect(wider).to_be_hidden()
    line = page.locator("#headline .vocabulary")
    expect(line).to_contain_text("Knows 1,000 words: ")
    expect(line.locator("li")).to_have_count(1000)
    page.mouse.move(2, 2)  # away from the button that was clicked
    expect(line.locator("ul")).to_be_hidden()
    line.get_by_role("button").focus()
    expect(line.locator("ul")).to_be_visible()
    line.get_by_role("button").blur()
    expect(line.locator("ul")).to_be_hidden()
    line.hover()
    expect(line.locator("ul")).to_be_visible()


def name(page: Page, words: str) -> None:
    """Type the name of a network, and press Enter."""
    field = page.get_by_label("Name of a model")
    if not field.is_visible():
        page.get_by_text("Another model").click()
    field.fill(words)
    field.press("Enter")


def test_a_network_is_named_looked_at_fetched_and_shown(served: tuple[Hub, str], open_page: Opener) -> None:
    """What goes wrong on the way changes nothing; a link then leads to the network."""
    hub, url = served
    page = open_page(url)
    headline = page.locator("#headline").inner_text()
    told, get = page.locator("#another .offer"), page.get_by_role("button", name="Download", exact=True)
    name(page, "vit_tiny_patch16_244")
    expect(told).to_contain_text("did you mean vit_tiny_patch16_224? What was shown stays")
    name(page, "me/yours")
    expect(told).to_contain_text("There is no repository me/yours on the Hub, or it is private.")
    hub.modes["me/mine"] = "slow"
    name(page, "https://huggingface.co/me/mine")
    expect(told).to_contain_text("me/mine: 0 MB are to be downloaded.")
    get.click()
    expect(page.locator("#another-progress")).to_contain_text("model.safetensors")
    page.get_by_role("button", name="Cancel").click()
    expect(told).to_be_hidden()
    steps.expect_rest(page)
    assert page.locator("#headline").inner_text() == headline
    expect(page.locator("#model input")).to_have_value("DynamicViT · CIFAR-10")
    hub.modes["me/mine"] = "good"
    page.locator("#model input").click()
    expect(page.get_by_role("option", name="me/mine · ↓ 0 MB")).to_be_visible()
    page.keyboard.press("Escape")
    name(page, "me/mine")
    get.click()
    expect(page.locator("#headline .quiet")).to_contain_text("me/mine · 16 → 11 tokens")
    expect(page.locator("#model input")).to_have_value("me/mine")
    page.wait_for_function("new URLSearchParams(location.search).get('model') === 'hf-hub:me/mine'")
    link = page.url
    steps.choose(page, "model", "Standard ViT · CIFAR-10")
    expect(page.locator("#headline .quiet")).to_contain_text("Standard ViT")
    again = open_page(link)
    expect(again.locator("#headline .quiet")).to_contain_text("me/mine · 16 → 11 tokens")
    steps.choose(again, "model", "DeiT-Small")
    expect(again.locator("#another .offer")).to_contain_text("There is no repository timm/deit_small")
    expect(again.locator("#model input")).to_have_value("me/mine")
    expect(again.locator("#headline .quiet")).to_contain_text("me/mine · 16 → 11 tokens")


def test_a_link_looks_at_a_fetched_network_as_it_says(served: tuple[Hub, str], open_page: Opener) -> None:
    """Its size and selector are for this network, not for the one that the page opens with."""
    look = "tab=attention&method=raw-attention&layer=1&head=1&query=5"
    page = open_page(f"{served[1]}?model=me/linked&size=32&selector=random&{look}")
    page.get_by_role("button", name="Download", exact=True).click()
    expect(page.locator("#headline .quiet")).to_contain_text("me/linked · 64 → 44 tokens")
    wanted = {"method": "raw-attention", "layer": 1, "head": 1, "query": 5}
    page.wait_for_function(
        """(wanted) => Object.entries(wanted).every(([name, value]) =>
        document.querySelector(".attention")?.attention?.state[name] === value)""",
        arg=wanted,
    )
    page.wait_for_function("new URLSearchParams(location.search).get('model') === 'hf-hub:me/linked'")
    expect(page).to_have_url(
        re.compile("size=32.*selector=random.*method=raw-attention.*layer=1.*head=1.*query=5")
    )
    assert f"me/linked: hf-hub:me/linked@{COMMIT}" in save_chart(page), "a chart tells whose it is"


def save_chart(page: Page) -> str:
    """Save a chart of the Trust tab as a picture, and return what is written in it."""
    page.locator("#tab-trust-button").click()
    page.evaluate(
        """() => {
        window.written = [];
        const draw = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
          window.written.push(text);
          return draw.call(this, text, ...place);
        };
        }"""
    )
    with page.expect_download() as saved:
        page.locator(".trust .save-figure").first.click()
    assert Path(saved.value.path()).read_bytes().startswith(b"\x89PNG")
    return "".join(page.evaluate("window.written"))


WORDS = (
    "<img src=x onerror=window.hacked=1>",
    "</script><script>window.hacked=1</script>",
    "${window.hacked=1} {{window.hacked=1}} `${window.hacked=1}`",
)
SHOWN = """() => [window.hacked, document.querySelectorAll("img[src=x], svg[onload]").length]"""


def test_the_words_of_a_strangers_network_are_text(served: tuple[Hub, str], open_page: Opener) -> None:
    """On every tab, in both lists of classes, in the menu, and where a sentence quotes them."""
    hub, url = served
    write_own(hub.root / "me" / "evil")
    config = hub.root / "me" / "evil" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "name": WORDS[0], "classes": WORDS}))
    page = open_page(url)
    name(page, "me/evil")
    page.get_by_role("button", name="Download", exact=True).click()
    expect(page.locator("#headline")).to_contain_text("me/evil")
    expect(page.locator("#label")).to_contain_text(WORDS[0])
    assert page.evaluate(SHOWN) == [None, 0]
    for tab in ("attention", "tokens", "features", "inside", "trust", "compare", "prediction"):
        page.locator(f"#tab-{tab}-button").click()
        page.wait_for_timeout(1500)  # no note of familiarity, by which others wait
        assert page.evaluate(SHOWN) == [None, 0], tab
    page.locator("#label").get_by_text(WORDS[1], exact=True).first.click()
    expect(page.locator("#class-title")).to_contain_text(WORDS[1])
    page.locator("#against label").last.click()
    expect(page.locator("#class-title")).to_contain_text(WORDS[2])
    assert page.evaluate(SHOWN) == [None, 0]


def test_a_link_to_a_network_that_must_be_downloaded_asks_first(
    served: tuple[Hub, str], open_page: Opener
) -> None:
    page = open_page(f"{served[1]}?model=deit_small&ratio=50")
    expect(page.locator("#another .offer")).to_have_text(re.compile("DeiT-Small · ImageNet: 88 MB are to be"))
    steps.expect_analysed(page, [64, 32, 16, 8])
    expect(page.locator("#model input")).to_have_value("DynamicViT · CIFAR-10")
