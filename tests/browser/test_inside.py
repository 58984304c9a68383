"""The tab Inside in a real browser: numbers compared with the engine's, buttons, clicks, and how it looks."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.bundled import load_config, start_bundled
from tests.browser.conftest import Opener
from tests.browser.looks import keep_looks
from tests.browser.seen import expect_picture, make_noise
from tests.browser.server import MODEL, ROOT
from vitdemo import cost
from vitdemo.data import preprocess
from vitdemo.decode import decode
from vitdemo.engine import Engine, Request
from vitdemo.engine.answers.inside import Pass
from vitdemo.engine.answers.sanity import MAPS as RANDOMISED
from vitdemo.examples import example_paths
from vitdemo.weights import load_model


@pytest.fixture
def page(open_page: Opener) -> Page:
    return open_page(start_bundled()[1])


def expect_heads(page: Page, engine: Engine, key: str, which: Pass) -> None:
    """Distance, entropy and norms of one pass, to the pixel, and the numbers in the words below."""
    heads, norms = engine.recall(key).inside.heads(which), engine.recall(key).inside.norms(which)
    for name, picture, number in (
        ("distance", heads.distance_figure, f"{heads.farthest:.1f} would be corner to corner"),
        ("entropy", heads.entropy_figure, f"{heads.widest:.2f} that all tokens"),
        ("norms", norms.image, f"{norms.limit:.1f}"),
    ):
        expect_picture(page.locator(f"#{name} img"), picture)
        expect(page.locator(f"#{name}-note")).to_contain_text(number)


def expect_position(page: Page, engine: Engine, key: str, position: int) -> None:
    """The similarity of all positions, one of them framed, and that one large."""
    expect(page.locator("#position input[type=number]")).to_have_value(str(position))
    expect_picture(page.locator("#positions img"), engine.recall(key).inside.positions_figure(position))
    expect_picture(page.locator("#position-map img"), engine.recall(key).inside.position_figure(position))


def expect_card(card: Locator) -> None:
    """The numbers of metrics.json, and the figures beside it."""
    folder = ROOT / "checkpoints" / MODEL
    metrics = json.loads((folder / "metrics.json").read_text())
    expect(card.locator("#card h1")).to_have_text(MODEL)
    expect(card.locator("#card")).to_contain_text(f"{metrics['accuracy']:.2f} % top-1")
    rows = card.locator("#card table").last.locator("tbody tr").all()
    cells = [row.locator("td").all_inner_texts() for row in rows]
    assert {name: float(number) for name, number in cells} == metrics["per_class"]
    figures = card.locator("#card-figures img")
    expect(figures).to_have_count(4)
    for shown, name in zip(figures.all(), ("keep_ratio", "curves", "per_class", "confusion"), strict=True):
        expect_picture(shown, Image.open(folder / f"{name}.png"))


def test_a_visit(page: Page, artefacts: Path) -> None:
    engine, _ = start_bundled()
    name, path = next(iter(example_paths().items()))
    result = engine.open(Request(path))
    steps.expect_known(page)
    steps.open_tab(page, "Inside", "#step-figure img")
    steps.expect_rest(page)
    seen = engine.forwards

    steps.unfold(page, "inside-weights").locator("#filters img").wait_for()
    filters = result.inside.filters()
    expect_picture(page.locator("#filters img"), filters.image)
    words = f"the {filters.shown} strongest of their {filters.total} principal components"
    expect(page.locator("#inside-weights")).to_contain_text(words)
    expect(page.locator("#inside-weights")).to_contain_text(f"hold {100 * filters.share:.1f} % of the")
    expect_position(page, engine, result.key, 36)  # the middle of 8 x 8
    sheet = page.locator("#positions img")
    box = sheet.bounding_box()
    assert box
    sheet.click(position={"x": 0.3 * box["width"], "y": 0.05 * box["height"]})  # third column, first row
    expect_position(page, engine, result.key, 2)

    steps.unfold(page, "inside-heads").locator("#norms img").wait_for()
    expect_heads(page, engine, result.key, "pruned")
    page.get_by_label("Dense pass").check()
    expect_heads(page, engine, result.key, "dense")
    expect_card(steps.unfold(page, "inside-card"))
    keep_looks(page, artefacts, "inside")
    assert engine.forwards == seen, "looking runs no network"

    page.locator("#ablation-run").click()
    page.locator("#ablation img").wait_for()
    found = result.inside.ablation("dense")
    strongest = min(change for row in found.changes for change in row)
    expect(page.locator("#ablation-note")).to_contain_text(
        f"the logit of {name} is {found.logit:.2f}. It falls most, by {-strongest:.2f},"
    )
    expect_picture(page.locator("#ablation img"), found.image)
    # what was measured on a picture goes with it
    steps.choose_example(page, "cat")
    expect(page.locator("#ablation img")).to_have_count(0)


@torch.no_grad()
def test_how_sure_the_model_is_against_its_validation_pictures(page: Page, tmp_path: Path) -> None:
    """Of noise, too, the page says what the percentiles of metrics.json say.

    The first of these two pictures is unlike them unless the weights have changed.
    """
    loaded = load_model(MODEL)
    metrics = json.loads((ROOT / "checkpoints" / MODEL / "metrics.json").read_text())
    percentiles = np.array(metrics["validation_confidence"])
    for seed in (5, 0):
        path = tmp_path / f"noise-{seed}.png"
        make_noise(seed).save(path)
        pixels = preprocess(decode(path), config=loaded.spec.data).pixels
        confidence = float(loaded.model(pixels).softmax(-1).max())
        surer = 101 - int((percentiles <= confidence).sum())
        unusual = page.locator("#familiarity .unusual")
        steps.upload(page, path)
        only = "only " if surer > 95 else ""
        expect(page.locator("#familiarity")).to_contain_text(f"it is {only}{100 * confidence:.1f} % sure")
        expect(page.locator("#familiarity")).to_contain_text(f"validated on, {surer} made it surer")
        expect(unusual).to_have_count(int(surer > 95))


def test_checks(page: Page) -> None:
    steps.open_tab(page, "Trust", "#checks")
    steps.unfold(page, "checks")
    page.locator("#sanity-run").click()
    rows = page.locator("#sanity tbody tr")
    expect(rows).to_have_count(3 + len(RANDOMISED))
    for row in rows.all():
        cells = row.locator("td").all_inner_texts()
        assert cells[0] == "pass"
        assert float(cells[1]) <= float(cells[2])
    expect(page.locator("#cascade img")).to_have_count(len(RANDOMISED))


def test_speed(page: Page) -> None:
    """Counts are those of `vitdemo.cost`, and the sentences say what the times of the table say."""
    network = load_config()
    steps.open_tab(page, "Inside", "#step-figure img")
    steps.unfold(page, "inside-speed").locator("#speed-run").click()
    tables = page.locator("#speed table")
    expect(tables).to_have_count(2)
    names = ["Learned predictor", "Class attention", "Random"]
    variants = {"Dense": (network, None)} | {f"Pruned: {name}": (network, 0.7) for name in names}
    variants["Linear attention"] = (replace(network, attention="linear"), None)
    rows = tables.first.locator("tbody tr")
    expect(rows.locator("th")).to_have_text(list(variants))
    times = []
    for row, (shape, keep_ratio) in zip(rows.all(), variants.values(), strict=True):
        cells = row.locator("td").all_inner_texts()
        work = cost.macs(shape, keep_ratio=keep_ratio)
        assert cells[:2] == [f"{cost.parameters(shape):,}", f"{work / 1e6:.1f} M"]
        shown = re.fullmatch(r"([\d.]+) ms, ([\d.]+) to ([\d.]+), n = \d+", cells[2])
        assert shown
        middle, low, high = map(float, shown.groups())
        assert 0 < low <= middle <= high
        share = 100 * (1 - work / cost.macs(network))
        times.append((f"needs {abs(share):.0f} % {'fewer' if share >= 0 else 'more'}", (middle, low, high)))
    said = page.locator("#speed p")
    expect(said.first).to_have_text("This model, reading 32 × 32 pixels:")
    for place, name, row in ((1, "Pruning by learned predictor", 1), (2, "Linear attention", -1)):
        expect(said.nth(place)).to_contain_text(f"{name} {times[row][0]} multiply-adds")
        expect_sentence(said.nth(place).inner_text(), times[row][1], times[0][1])
    sizes = tables.last.locator("tbody th").all_inner_texts()
    assert sizes == ["64", "256", "576", "1,024"]


def expect_sentence(said: str, one: tuple[float, ...], dense: tuple[float, ...]) -> None:
    """Expect faster or slower only where the middle halves (median, low, high) do not meet.

    The share is that by which the medians differ, 5 % at least; each was rounded as `timing.describe` does.
    """
    if "about equal" in said:
        assert (one[1] <= dense[2] and dense[1] <= one[2]) or abs(1 - one[0] / dense[0]) < 0.06
        return
    found = re.search(r"is (\d+) % (faster|slower) here", said)
    assert found, said
    quick, slow = (one, dense) if found[2] == "faster" else (dense, one)
    assert quick[2] <= slow[1]
    ratio = one[0] / dense[0]
    off = 100 * (find_rounding(one) + ratio * find_rounding(dense)) / dense[0]
    assert float(found[1]) == pytest.approx(100 * abs(1 - ratio), abs=off + 0.5)


def find_rounding(time: tuple[float, ...]) -> float:
    """Return by how many milliseconds a printed median may be off: long times are whole numbers."""
    return 0.05 if time[2] < 99.5 else 0.5
