"""A network without a head on the page: what it has is shown, and nothing of the former answer stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.server import serve_page
from tests.models.nets import make_small
from tests.small_bundle import write_small_models
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine
from vitdemo.examples import example_paths
from vitdemo.registry import MODELS
from vitdemo.weights import save_model

SILENT = "lightvit_cifar10"
WORDS = "This network has no words."


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two networks with words, and one without."""
    folder = write_small_models(tmp_path_factory.mktemp("models"))
    model = make_small(img_size=32, patch_size=8, num_classes=0, attention="linear")
    save_model(folder / SILENT, model=model, name=SILENT, data=MODELS[SILENT].data, classes=())
    with serve_page(Engine(device="cpu", models_dir=folder)) as address:
        yield address


def test_another_network_takes_the_answer_away(url: str, open_page: Opener) -> None:
    page = open_page(url)
    former = page.locator("#headline .answer b").inner_text()
    assert former in CIFAR10_CLASSES
    expect(page.locator("#class-title")).to_contain_text(former)
    page.get_by_role("tab", name="Trust").click()
    expect(page.locator(".trust .sentence")).to_be_visible()
    steps.choose(page, "model", MODELS[SILENT].title)
    expect(page.locator(".trust")).to_have_text("this model has no classes to explain.")
    page.get_by_role("tab", name="Prediction").click()
    expect(page.locator("#headline .answer")).to_have_text(WORDS)
    expect(page.locator("#headline p.quiet")).to_contain_text(MODELS[SILENT].title)
    expect(page.locator("#class-title")).to_contain_text(WORDS)
    expect(page.locator(":is(#class-maps, #other-maps) img")).to_have_count(0)
    expect(page.locator("#more-maps")).to_be_hidden()
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(800)  # for what the tab draws
        shown = page.locator("#panel, .gradio-container").last.inner_text()
        assert former not in [line.strip() for line in shown.splitlines()], tab.inner_text()
        assert page.locator(".toast-body.error").all_inner_texts() == [], tab.inner_text()


def test_the_endpoint_says_so(url: str) -> None:
    client = Client(url, verbose=False)
    picture = handle_file(str(next(iter(example_paths().values()))))
    found = client.predict(image=picture, model=SILENT, pruning_ratio=0.5, selector="", api_name="/analyse")
    assert (found["note"], found["dense"]["labels"], found["pruned"]["labels"]) == (WORDS, {}, {})
    assert [len(ids) for ids in found["kept"]] == [8, 4, 2]
    heat = client.predict(image=picture, model=SILENT, api_name="/attention_map")
    assert len(heat["values"]) == 4
