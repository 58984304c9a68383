"""A network of 1,000 words lies in the cache of the Hub's client: one click asks it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
from playwright.sync_api import expect
from timm.models import save_for_hf

from tests.browser.conftest import Opener
from tests.browser.server import quick_models, start_app, stop
from tests.serving.visitors import Visitor
from tests.weights.hub import Hub
from vitdemo.registry import MODELS

KEY = "deit_tiny"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page whose Hub, an imitation, was asked for one network before."""
    folder: Path = tmp_path_factory.mktemp("hub")
    hub = Hub(folder / "repos")
    repo = hub.root / MODELS[KEY].source.removeprefix("hf-hub:")
    repo.parent.mkdir(parents=True)
    save_for_hf(timm.create_model("deit_tiny_patch16_224"), str(repo), safe_serialization=True)
    client = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1"}
    models = ("--models-dir", str(quick_models()))
    app, address = start_app(str(folder / "files"), *models, HF_HUB_OFFLINE="0", **client)
    assert '"labels"' in Visitor(address).analyse(KEY)
    yield address
    stop(app)
    hub.stop()


def test_one_click_asks_a_network_that_knows_more_words(url: str, open_page: Opener) -> None:
    page = open_page(url)
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
