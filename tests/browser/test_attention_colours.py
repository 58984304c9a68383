"""The Attention tab's colours on the page and in saved pictures, against the same explanations in Python."""

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
from tests.browser.bundled import explain_look, load_config, read_heats, record_first, start_bundled
from vitdemo import render
from vitdemo.engine import Request
from vitdemo.examples import example_paths

OUTLIER = (74, 222, 128)
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
    """In the tab's first state."""
    page, first = opened
    steps.show_attention(page, **first)
    return page


@pytest.fixture
def attention(page: Page) -> Locator:
    return page.locator(".attention")


@pytest.mark.parametrize("scale", ["own", "shared"])
def test_the_grid_shows_every_head(page: Page, attention: Locator, scale: str) -> None:
    """Each map on its own scale, or all on one, whose outliers are told apart."""
    trace = record_first("dynamicvit_cifar10")["pruned"]
    for method in ("raw-attention", "head-rollout"):
        steps.show_attention(page, method=method, layer=5, head=2, query=None, scale=scale)
        page.evaluate("() => new Promise(requestAnimationFrame)")  # the grid is drawn with the next frame
        expect(attention.locator("[aria-selected=true]")).to_have_attribute("aria-label", "layer 5, head 2")
        grid: dict[tuple[int, int | None], np.ndarray | None] = {
            (layer, head): explain_look(
                trace, {**steps.read_attention_state(page), "layer": layer, "head": head}
            )
            for layer, head in list_places()
        }
        heats_there = [heat for heat in grid.values() if heat is not None]
        shared = float(np.nanpercentile(np.array(heats_there), 99))
        tops = [shared if scale == "shared" else find_top(heat) for heat in heats_there]
        last = attention.locator(".bar.all .tick").last.inner_text()
        if scale == "shared":
            assert float(last) == pytest.approx(shared, rel=5e-3)
        else:
            assert last == "100 %"
        outliers = sum(int((heat > top).sum()) for heat, top in zip(heats_there, tops, strict=True))
        assert scale == "own" or outliers > 0
        beyond = f"beyond the scale: {outliers} patches" if outliers else ""
        expect(attention.locator(".bar.all .beyond")).to_have_text(beyond)
        for ((layer, head), heat), top in zip(grid.items(), tops, strict=True):
            cell = attention.get_by_role("gridcell", name=name_cell(layer, head), exact=True)
            colours = np.array(cell.locator("canvas").evaluate(CENTRES))
            assert heat is not None
            assert_coloured(colours, heat, top)
            assert (colours[np.isnan(heat), 3] == 0).all()
        # and the rows in the other direction, which share their work, are those of single looks
        rows = page.evaluate(
            "document.querySelector('.attention').attention.heats({direction: 'in', query: 27})"
        )
        for layer, head in ((0, None), (3, 1), (load_config().depth - 1, load_config().num_heads - 1)):
            column = 0 if head is None else head + 1
            look = {"direction": "in", "query": 27, "layer": layer, "head": head}
            single = read_heats(page, [look])[0]
            assert single is not None
            assert np.array_equal(np.array(rows[layer][column], dtype=float), single, equal_nan=True)


def list_places() -> Iterator[tuple[int, int | None]]:
    """Yield (layer, head) of each cell of the grid; None = all heads."""
    return itertools.product(range(load_config().depth), (None, *range(load_config().num_heads)))


def name_cell(layer: int, head: int | None) -> str:
    return f"layer {layer}, all heads" if head is None else f"layer {layer}, head {head}"


def find_top(heat: np.ndarray) -> float:
    """Return where a map's own scale ends: at its maximum, or without outliers."""
    usual, high = np.nanpercentile(heat, 98), np.nanmax(heat)
    return float(usual if 0 < 3 * usual < high else high)


def assert_coloured(
    colours: np.ndarray, heat: np.ndarray, top: float, *, ground: np.ndarray | None = None
) -> None:
    """Assert that each patch has the palette's colour of its value, or that of outliers.

    A step of the palette is let pass. Over the picture, whose colours are the `ground`, a patch is as opaque
    as it is high.
    """
    there = ~np.isnan(heat)
    share = np.clip(heat[there] / top, 0, 1)
    expected = render.colour_map()[np.floor(share * 255 + 0.5).astype(int)].astype(float)
    expected[heat[there] > top] = OUTLIER
    if ground is not None:
        expected = share[:, None] * expected + (1 - share[:, None]) * ground[there]
    sure = np.abs(heat[there] / top - 1) > 1e-3  # on which side of the end half precision puts the others
    assert (np.abs(colours[there, :3].astype(int) - expected) <= 5)[sure | (heat[there] == top)].all()


def test_the_picture_has_the_colours_of_its_values(page: Page, attention: Locator) -> None:
    trace = record_first("dynamicvit_cifar10")["pruned"]
    picture = attention.locator(".picture")
    look = {"method": "raw-attention", "layer": 6, "head": 1, "query": None, "patches": "square"}
    steps.show_attention(page, opacity=0, **look)
    ground = np.array(picture.evaluate(CENTRES))[:, :3]
    steps.show_attention(page, opacity=1)
    heat = explain_look(trace, steps.read_attention_state(page))
    assert heat is not None
    colours = np.array(picture.evaluate(CENTRES))
    assert_coloured(colours, heat, find_top(heat), ground=ground)
    gone = set(np.flatnonzero(np.ptp(colours[:, :3], axis=1) == 0).tolist())
    assert gone == set(range(64)) - set(trace.patch_ids(6).tolist())

    rows = page.evaluate("document.querySelector('.attention').attention.heats()")
    top = float(np.nanpercentile(np.array(rows, dtype=float), 99))
    steps.show_attention(page, scale="shared")
    assert_coloured(np.array(picture.evaluate(CENTRES)), heat, top, ground=ground)
    expect(attention.locator(".bar.own .beyond")).to_have_text(
        f"beyond the scale: {(heat > top).sum()} patches" if (heat > top).any() else ""
    )
    ends = "bar => ['.ramp', '.ticks'].map((part) => bar.querySelector(part).getBoundingClientRect().width)"
    for bar in attention.locator(".bar").all():  # the numbers stand from end to end
        ramp, ticks = bar.evaluate(ends)
        assert ticks == pytest.approx(ramp, abs=1)
    steps.show_attention(page, layer=0)  # where every patch is there
    colours = np.array(picture.evaluate(CENTRES))
    assert (np.ptp(colours[:, :3], axis=1) > 0).all()

    steps.show_attention(page, opacity=0)
    view = render.enlarge_view(start_bundled()[0].open(Request(example_paths()["airplane"])).analysis.view)
    shown = np.array(picture.evaluate(CENTRES))[:, :3]
    assert np.abs(shown - np.asarray(view)[28::56, 28::56].reshape(64, 3)).mean() < 6  # WebP


def test_each_patch_has_the_colour_of_its_strongest_head(page: Page, attention: Locator) -> None:
    trace, heads = record_first("dynamicvit_cifar10")["pruned"], load_config().num_heads
    steps.show_attention(page, method="raw-attention", layer=6, head=None, query=None, colours="heads")
    heats = [explain_look(trace, {**steps.read_attention_state(page), "head": head}) for head in range(heads)]
    shares = np.array([heat / find_top(heat) for heat in heats if heat is not None]).clip(max=1)
    there = ~np.isnan(shares[0])
    first, second = np.sort(shares[:, there], axis=0)[[-1, -2]]
    sure = first - second > 2e-3
    assert sure.sum() > 10
    winners = np.where(there, np.nan_to_num(shares).argmax(0), -1)

    picture = attention.locator(".picture")
    steps.show_attention(page, opacity=0, patches="square")
    ground = np.array(picture.evaluate(CENTRES))[:, :3]
    steps.show_attention(page, opacity=1)
    colours = np.array(picture.evaluate(CENTRES))[:, :3]
    hues = attention.locator(".bar.own .ramp").evaluate(
        "ramp => [...ramp.getContext('2d').getImageData(0, 0, ramp.width, 1).data]"
    )
    hues = np.array(hues).reshape(-1, 4)[:, :3]
    assert len(np.unique(hues, axis=0)) == heads
    expected = first[:, None] * hues[winners[there]] + (1 - first[:, None]) * ground[there]
    assert (np.abs(colours[there] - expected)[sure] <= 5).all()
    counts = {head: int((winners[there] == head).sum()) for head in range(heads)}
    said = attention.locator(".live").inner_text()
    for head, count in counts.items():
        assert (f"head {head} on {count}" in said) == (count > 0)

    steps.show_attention(page, head=2)  # one head is by its values
    assert steps.read_attention_state(page)["colours"] == "values"
    expect(attention.get_by_label("By value", exact=True)).to_be_checked()


def test_the_picture_can_be_saved(page: Page, attention: Locator, tmp_path: Path) -> None:
    steps.show_attention(page, method="raw-attention", layer=6, head=1, opacity=1, query=None)
    with page.expect_download() as download:
        attention.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == "dynamicvit_cifar10-raw-attention-6-1.png"
    download.value.save_as(tmp_path / "saved.png")
    saved = reduce_picture(tmp_path / "saved.png", width=448)
    colours = np.array(attention.locator(".picture").evaluate(CENTRES))[:, :3]
    assert np.array_equal(saved[28:448:56, 28:448:56].reshape(64, 3), colours)
    bar = saved[448 + 37, 12:436]
    assert (np.abs(bar[[1, -2]] - render.colour_map()[[0, 255]].astype(int)) <= 12).all()
    assert (saved[-1] == 250).all()


def test_the_grid_can_be_saved(page: Page, attention: Locator, tmp_path: Path) -> None:
    trace = record_first("dynamicvit_cifar10")["pruned"]
    steps.show_attention(page, method="raw-attention", layer=6, head=1, query=None)
    page.evaluate("() => new Promise(requestAnimationFrame)")  # the grid is drawn with the next frame
    with page.expect_download() as download:
        attention.get_by_role("button", name="Save all as PNG").click()
    assert download.value.suggested_filename == "dynamicvit_cifar10-raw-attention-grid.png"
    download.value.save_as(tmp_path / "saved.png")
    saved = reduce_picture(tmp_path / "saved.png", width=24 + (1 + load_config().num_heads) * 60)
    heats = {
        (layer, head): explain_look(trace, {**steps.read_attention_state(page), "layer": layer, "head": head})
        for layer, head in list_places()
    }
    for (layer, head), heat in heats.items():
        column = 0 if head is None else head + 1
        left, up = 24 + 60 * column, 24 + 60 * layer  # cells of 56 pixels, 7 a patch
        colours = saved[up + 3 : up + 56 : 7, left + 3 : left + 56 : 7].reshape(64, 3)
        assert heat is not None
        assert_coloured(colours, heat, find_top(heat))
        assert (colours[np.isnan(heat)] == 164).all()


def reduce_picture(path: Path, *, width: int) -> np.ndarray:
    """The saved picture `width` pixels wide, as the page has it; the file is some whole times wider."""
    saved = read_rgb(path)
    zoom, rest = divmod(saved.shape[1], width)
    assert rest == 0
    assert saved.shape[1] >= 1024
    return saved[zoom // 2 :: zoom, zoom // 2 :: zoom]


def read_rgb(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)
