"""The Attention tab's numbers and colours, in a real browser, against the same explanations in Python."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.bundled import SELECTORS, bundled_app, config, heats, looked_at_by, recorded, wanted
from vitdemo import render
from vitdemo.engine import DEFAULT_MODEL, Request
from vitdemo.engine.answers import payload
from vitdemo.examples import example_paths
from vitdemo.trace import Trace

TITLES = {  # of the models and of their selectors
    "dynamicvit_cifar10": ("DynamicViT · CIFAR-10", "Learned predictor"),
    "lightvit_cifar10": ("Lightweight ViT · CIFAR-10", "Class attention"),
    "vit_cifar10": ("Standard ViT · CIFAR-10", "Class attention"),
}
CENTRES = """canvas => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const [side, colours] = [canvas.width / 8, []];
    for (let patch = 0; patch < 64; patch++) {
        const x = Math.floor((patch % 8 + 0.5) * side), y = Math.floor((Math.floor(patch / 8) + 0.5) * side);
        colours.push([...pixels.subarray(4 * (y * canvas.width + x), 4 * (y * canvas.width + x) + 4)]);
    }
    return colours;
}"""


@pytest.fixture
def page(opened: tuple[Page, dict[str, Any]]) -> Page:
    return opened[0]


@pytest.fixture
def attention(opened: tuple[Page, dict[str, Any]]) -> Locator:
    """In its first state, of the default model."""
    page, first = opened
    analysed_by(page, DEFAULT_MODEL)
    steps.show_attention(page, **first)
    return page.locator(".attention")


def analysed_by(page: Page, model: str) -> None:
    """The Attention tab shows the first example, analysed by `model` with its own selector."""
    title, selector = TITLES[model]
    for control, option in (("model", title), ("selector", selector)):
        shown = page.locator(f"#{control} input")
        if shown.input_value() != option:
            steps.choose(page, control, option)
        expect(shown).to_have_value(option)
    request = Request(example_paths()["airplane"], model, 0.3, SELECTORS[model])
    steps.expect_attention(page, bundled_app()[0].open(request).key)


def looks(trace: Trace, *, direction: str) -> list[dict[str, Any]]:
    """Methods, layers, heads, fusions and queries, one of the patches kept to the end and one dropped."""
    last, heads = len(trace.attn) - 1, len(trace.attn[0])
    kept = trace.patch_ids(last).tolist()
    dropped = next((patch for patch in range(64) if patch not in kept), 0)
    queries, fusions = [None, kept[3], dropped], ["mean", "max", "min"]
    raw = itertools.product(["raw-attention"], [0, last // 2 + 1, last], [None, 2], queries, fusions, [0.0])
    discards = [0.0, 0.5, 0.9]
    rollout = itertools.product(["attention-rollout"], [last], [None], queries, fusions, discards)
    by_head = itertools.product(
        ["head-rollout"], [1, last - 1], [None, heads - 1], queries, fusions, discards
    )
    names = ("method", "layer", "head", "query", "fusion", "discard")
    return [
        {**dict(zip(names, values, strict=True)), "direction": direction}
        for values in (*raw, *rollout, *by_head)
    ]


@pytest.mark.parametrize("model", ["dynamicvit_cifar10", "lightvit_cifar10"])
def test_numbers_equal_those_of_python(page: Page, model: str) -> None:
    analysed_by(page, model)
    for name, trace in recorded(model).items():
        asked = looks(trace, direction="out")
        found = heats(page, [{**look, "pass": name} for look in asked])
        for look, heat in zip(asked, found, strict=True):
            truth = wanted(trace, look)
            assert (heat is None) == (truth is None), look
            if heat is not None and truth is not None:
                tolerance = 1e-3 * float(np.nanmax(truth))
                np.testing.assert_allclose(heat, truth, rtol=0, atol=tolerance, err_msg=str(look))


@pytest.mark.parametrize("model", ["dynamicvit_cifar10", "lightvit_cifar10"])
def test_who_looks_at_a_patch_equals_whole_matrices(page: Page, model: str) -> None:
    analysed_by(page, model)
    for name, trace in recorded(model).items():
        asked = [
            look
            for look in looks(trace, direction="in")
            if look["method"] != "raw-attention"
            or look["query"] is None
            or look["query"] in trace.patch_ids(look["layer"])
        ]
        found = heats(page, [{**look, "pass": name} for look in asked])
        for look, heat in zip(asked, found, strict=True):
            assert heat is not None, look
            truth = looked_at_by(trace, look)
            np.testing.assert_allclose(heat, truth, rtol=0, atol=1e-3 * np.nanmax(truth), err_msg=str(look))


def test_the_grid_shows_every_head_on_one_scale(page: Page, attention: Locator) -> None:
    trace = recorded("dynamicvit_cifar10")["pruned"]
    for method in ("raw-attention", "head-rollout"):
        steps.show_attention(page, method=method, layer=5, head=2, query=None)
        page.evaluate("() => new Promise(requestAnimationFrame)")  # the grid is drawn with the next frame
        expect(attention.locator("[aria-selected=true]")).to_have_attribute("aria-label", "layer 5, head 2")
        grid: dict[tuple[int, int | None], np.ndarray | None] = {
            (layer, head): wanted(trace, {**steps.attention_state(page), "layer": layer, "head": head})
            for layer, head in places()
        }
        top = max(float(np.nanmax(heat)) for heat in grid.values() if heat is not None)
        assert float(attention.locator(".bar.all .tick").last.inner_text()) == pytest.approx(top, rel=5e-3)
        for (layer, head), heat in grid.items():
            cell = attention.get_by_role("gridcell", name=cell_name(layer, head), exact=True)
            colours = np.array(cell.locator("canvas").evaluate(CENTRES))
            assert heat is not None
            assert_coloured(colours, heat, top)
            assert (colours[np.isnan(heat), 3] == 0).all()
        # and the rows in the other direction, which share their work, are those of single looks
        rows = page.evaluate(
            "document.querySelector('.attention').attention.heats({direction: 'in', query: 27})"
        )
        for layer, head in ((0, None), (3, 1), (config().depth - 1, config().num_heads - 1)):
            column = 0 if head is None else head + 1
            look = {"direction": "in", "query": 27, "layer": layer, "head": head}
            single = heats(page, [look])[0]
            assert single is not None
            assert np.array_equal(np.array(rows[layer][column], dtype=float), single, equal_nan=True)


def places() -> Iterator[tuple[int, int | None]]:
    """(layer, head) of each cell of the grid; None = all heads."""
    return itertools.product(range(config().depth), (None, *range(config().num_heads)))


def cell_name(layer: int, head: int | None) -> str:
    return f"layer {layer}, all heads" if head is None else f"layer {layer}, head {head}"


def assert_coloured(colours: np.ndarray, heat: np.ndarray, top: float) -> None:
    """Each patch has the palette's colour of its value, within a step of the palette."""
    there = ~np.isnan(heat)
    expected = render.colour_map()[np.floor(np.clip(heat[there] / top, 0, 1) * 255 + 0.5).astype(int)]
    assert (np.abs(colours[there, :3].astype(int) - expected) <= 4).all()


def test_the_picture_has_the_colours_of_its_values(page: Page, attention: Locator) -> None:
    trace = recorded("dynamicvit_cifar10")["pruned"]
    picture = attention.locator(".picture")
    steps.show_attention(page, method="raw-attention", layer=6, head=1, opacity=1, query=None)
    heat = wanted(trace, steps.attention_state(page))
    assert heat is not None
    colours = np.array(picture.evaluate(CENTRES))
    assert_coloured(colours, heat, float(np.nanmax(heat)))
    gone = set(np.flatnonzero(np.ptp(colours[:, :3], axis=1) == 0).tolist())
    assert gone == set(range(64)) - set(trace.patch_ids(6).tolist())

    rows = page.evaluate("document.querySelector('.attention').attention.heats()")
    top = float(np.nanmax(np.array(rows, dtype=float)))
    steps.show_attention(page, scale="shared")
    assert_coloured(np.array(picture.evaluate(CENTRES)), heat, top)
    steps.show_attention(page, layer=0)  # where every patch is there
    colours = np.array(picture.evaluate(CENTRES))
    assert (np.ptp(colours[:, :3], axis=1) > 0).all()

    steps.show_attention(page, opacity=0)
    view = render.display_view(bundled_app()[0].open(Request(example_paths()["airplane"])).analysis.view)
    shown = np.array(picture.evaluate(CENTRES))[:, :3]
    assert np.abs(shown - np.asarray(view)[28::56, 28::56].reshape(64, 3)).mean() < 6  # WebP


def test_a_large_result_comes_layer_by_layer(
    page: Page, attention: Locator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload, "LIMIT", 0)
    analysed_by(page, "vit_cifar10")
    expect(attention.locator(".loading")).to_have_text("")
    trace = recorded("vit_cifar10")["dense"]
    attention.get_by_label("Dense", exact=True).check()
    expect(attention).to_have_attribute("data-ready", "ready")
    found = heats(page, [{}])[0]
    truth = wanted(trace, steps.attention_state(page))
    assert truth is not None
    assert found is not None
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-3 * truth.max())


def test_the_picture_can_be_saved(page: Page, attention: Locator, tmp_path: Path) -> None:
    steps.show_attention(page, method="raw-attention", layer=6, head=1, opacity=1, query=None)
    with page.expect_download() as download:
        attention.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "dynamicvit_cifar10-raw-attention-6-1.png"
    download.value.save_as(tmp_path / "saved.png")
    saved = rgb(tmp_path / "saved.png")
    colours = np.array(attention.locator(".picture").evaluate(CENTRES))[:, :3]
    assert np.array_equal(saved[28:448:56, 28:448:56].reshape(64, 3), colours)
    bar = saved[448 + 37, 12:436]
    assert (np.abs(bar[[1, -2]] - render.colour_map()[[0, 255]].astype(int)) <= 12).all()
    assert (saved[-1] == 250).all()


def test_the_grid_can_be_saved(page: Page, attention: Locator, tmp_path: Path) -> None:
    trace = recorded("dynamicvit_cifar10")["pruned"]
    steps.show_attention(page, method="raw-attention", layer=6, head=1, query=None)
    page.evaluate("() => new Promise(requestAnimationFrame)")  # the grid is drawn with the next frame
    with page.expect_download() as download:
        attention.get_by_role("button", name="Save all as PNG").click()
    assert download.value.suggested_filename == "dynamicvit_cifar10-raw-attention-grid.png"
    download.value.save_as(tmp_path / "saved.png")
    saved = rgb(tmp_path / "saved.png")
    heats = {
        (layer, head): wanted(trace, {**steps.attention_state(page), "layer": layer, "head": head})
        for layer, head in places()
    }
    top = max(float(np.nanmax(heat)) for heat in heats.values() if heat is not None)
    for (layer, head), heat in heats.items():
        column = 0 if head is None else head + 1
        left, up = 24 + 60 * column, 24 + 60 * layer  # cells of 56 pixels, 7 a patch
        colours = saved[up + 3 : up + 56 : 7, left + 3 : left + 56 : 7].reshape(64, 3)
        assert heat is not None
        assert_coloured(colours, heat, top)
        assert (colours[np.isnan(heat)] == 164).all()
    assert saved.shape[1] == 24 + (1 + config().num_heads) * 60


def rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)
