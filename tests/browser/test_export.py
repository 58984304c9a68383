"""What the page saves to disk: the numbers, against a run of the model without the page, and the charts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.bundled import explain_inward, read_heats, record_first, start_bundled
from tests.browser.conftest import Opener
from tests.browser.looks import paint, photograph
from tests.browser.server import MODEL
from vitdemo.engine import Request
from vitdemo.examples import example_paths
from vitdemo.maps import METHODS, explain

LOOK = {"method": "head-rollout", "layer": 2, "head": 1, "direction": "out", "pass": "dense", "query": 17}


@pytest.fixture
def page(open_page: Opener) -> Page:
    return open_page(start_bundled()[1])


def save(page: Page, button: Any, folder: Path) -> Path:
    """Return the file that a click on `button` downloads."""
    with page.expect_download() as waiting:
        button.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_the_files_hold_what_an_independent_run_gives(page: Page, tmp_path: Path, artefacts: Path) -> None:
    steps.open_attention(page)
    steps.show_attention(page, **LOOK)
    npz = save(page, page.get_by_role("button", name="NPZ"), tmp_path)
    expect(page.locator("#export [role=status]")).to_have_text("Saved")
    photograph(page, artefacts / "export-desktop.png")
    facts = json.loads(save(page, page.get_by_role("button", name="JSON"), tmp_path).read_text("utf-8"))
    assert npz.name == f"{MODEL}-30.npz"
    with np.load(npz, allow_pickle=False) as file:
        arrays = dict(file)
    for name, trace in record_first(MODEL).items():
        assert trace.logits is not None
        for layer, attn in enumerate(trace.attn):
            mine = arrays[f"{name}_attention_{layer:02d}"].astype(np.float32)
            np.testing.assert_allclose(mine, attn, atol=1e-3)
            np.testing.assert_allclose(mine.sum(-1), 1, atol=1e-3)
        np.testing.assert_allclose(arrays[f"{name}_probabilities"], trace.logits.softmax(-1), atol=1e-3)
    heat = explain(record_first(MODEL)["dense"], "head-rollout", layer=2, head=1, query=17)
    np.testing.assert_allclose(arrays["dense_map_head-rollout"], heat, atol=1e-3)
    assert facts["attention"] == {
        **LOOK,
        "fusion": "mean",
        "discard_ratio": 0,
    }
    shown = page.locator("#headline .answer b").inner_text()
    assert facts["pruned"]["answer"] == facts["pruned"]["probabilities"][0]["class"] == shown
    assert {name: list(values.shape) for name, values in arrays.items()} == {
        name: one["shape"] for name, one in facts["arrays"].items()
    }


def test_the_share_card_is_what_the_engine_draws(page: Page, tmp_path: Path, artefacts: Path) -> None:
    file = save(page, page.get_by_role("button", name="Share card"), tmp_path)
    expect(page.locator("#export [role=status]")).to_have_text("Saved")
    assert file.name == f"{MODEL}-30.png"
    example = str(next(iter(example_paths().values())))
    wanted = start_bundled()[0].open(Request(example)).card(urlsplit(page.url).netloc)
    with Image.open(file) as card:
        card.save(artefacts / "share-card.png")
        assert card.size == (1200, 630)
        assert card.convert("RGB").tobytes() == wanted.tobytes()


def test_a_map_of_a_class_is_saved_large(page: Page, tmp_path: Path, artefacts: Path) -> None:
    steps.unfold_maps(page)
    page.locator("#other-maps .thumbnail-item").nth(1).click()
    file = save(page, page.locator("#other-maps .preview").get_by_role("button", name="Download"), tmp_path)
    expect(page.locator("#export [role=status]")).to_have_text("Saved")
    result = start_bundled()[0].open(Request(str(next(iter(example_paths().values())))))
    method = result.classes()[2].method
    assert file.name == f"{MODEL}-30-{method}.png"
    with Image.open(file) as saved:
        saved.save(artefacts / "class-map.png")
        assert min(saved.size) >= 1024
        assert saved.tobytes() == result.draw_class_map(method=method).tobytes()


def test_looked_at_by_is_saved_as_the_tab_shows_it(page: Page, tmp_path: Path) -> None:
    """Every map of both passes, against the page's own numbers and against whole matrices."""
    look = {**LOOK, "direction": "in", "pass": "pruned", "query": None, "fusion": "max", "discard_ratio": 0.2}
    steps.open_attention(page)
    steps.show_attention(page, **look)
    with np.load(save(page, page.get_by_role("button", name="NPZ"), tmp_path), allow_pickle=False) as file:
        arrays = dict(file)
    for name, trace in record_first(MODEL).items():
        for method in (key for key, found in METHODS.items() if found.inward):
            here = {**look, "method": method, "pass": name}
            found = arrays[f"{name}_map_{method}"].ravel()
            shown = read_heats(page, [here])[0]
            assert shown is not None
            np.testing.assert_allclose(found, shown, atol=1e-3)
            np.testing.assert_allclose(found, explain_inward(trace, here), atol=1e-3)
    facts = json.loads(save(page, page.get_by_role("button", name="JSON"), tmp_path).read_text("utf-8"))
    assert facts["attention"]["direction"] == "in"
    assert "who looks at the query" in facts["arrays"]["pruned_map_head-rollout"]["meaning"]


def test_without_a_result_the_buttons_say_so(page: Page) -> None:
    page.locator("#picture").get_by_label("Remove Image").click()
    expect(page.locator("#headline")).to_have_text("Upload a picture, or choose an example, to begin.")
    page.get_by_role("button", name="NPZ").click()
    expect(page.locator("#export [role=status]")).to_have_text("There is no result yet.")


def test_a_chart_is_saved_in_the_colours_of_the_page(page: Page, tmp_path: Path) -> None:
    steps.open_tab(page, "Tokens", "#scores img")
    steps.unfold(page, "lab-sweep")
    page.locator("#lab-sweep-run").click()
    chart = page.locator("figure.lab-chart").first
    chart.wait_for()
    for dark in (True, False):
        paint(page, dark=dark)
        expect_saved_chart(page, chart, tmp_path)


def expect_saved_chart(page: Page, chart: Locator, tmp_path: Path) -> None:
    """The file has the size and the colours that the chart has on the page."""
    path = save(page, chart.get_by_role("button", name="Save PNG"), tmp_path)
    colours = set(map(tuple, np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).tolist()))
    assert path.suffix == ".png"
    for part, style in (
        ("body", "backgroundColor"),
        (".line-0 polyline", "stroke"),
        (".line-1 polyline", "stroke"),
    ):
        wanted = page.evaluate(f"getComputedStyle(document.querySelector('{part}')).{style}")
        assert tuple(int(number) for number in re.findall(r"\d+", wanted)[:3]) in colours, part
    box = chart.locator(":scope > svg").bounding_box()
    assert box
    assert Image.open(path).width == pytest.approx(2 * (box["width"] + 32), abs=2)


def test_a_picture_of_a_gallery_is_saved_to_the_pixel(page: Page, tmp_path: Path) -> None:
    steps.open_tab(page, "Tokens", "#kept img")
    page.locator("#kept button.thumbnail-item").nth(1).click()
    path = save(page, page.locator("#kept").get_by_label("Download"), tmp_path)
    engine, _ = start_bundled()
    result = engine.open(Request(next(iter(example_paths().values()))))
    saved = Image.open(path)
    assert saved.format == "PNG"
    np.testing.assert_array_equal(
        np.asarray(saved.convert("RGB")), np.asarray(result.tokens.kept_figures()[1][0])
    )
