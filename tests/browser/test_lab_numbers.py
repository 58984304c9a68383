"""The laboratory's numbers, curves and pictures on the page, against the engine's for the same picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.bundled import start_bundled
from tests.browser.conftest import Opener
from tests.browser.server import MODEL, ROOT
from tests.engine.bundle import load_directly
from vitdemo import cost
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.decode import decode
from vitdemo.engine import SELECTORS, Request, SmallestSet, Sweep
from vitdemo.engine.answers.lab import Lab
from vitdemo.examples import example_paths
from vitdemo.models.pruning import Explicit, Pruning
from vitdemo.models.schedule import Schedule
from vitdemo.models.selectors import prune_by
from vitdemo.recording import record
from vitdemo.timing import describe
from vitdemo.ui.kit.words import macs, percent


@pytest.fixture(scope="module")
def page(open_once: Opener) -> Page:
    """One page for all tests; each chooses its picture."""
    return open_once(start_bundled()[1])


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """By the name of an experiment what the engine last gave the page for it."""
    found: dict[str, Any] = {}

    def remembered(name: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def again(*args: Any, **options: Any) -> Any:
            found[name] = run(*args, **options)
            return found[name]

        return again

    for name in ("sweep", "smallest_set", "adaptive"):
        monkeypatch.setattr(Lab, name, remembered(name, getattr(Lab, name)))
    return found


def choose_example(page: Page, picture: str, model: str = MODEL) -> str:
    """Return the key of the result of this example, which the page shows in the tab of tokens."""
    engine = start_bundled()[0]
    selector = engine.info(model).selectors[0]
    result = engine.open(Request(example_paths()[picture], model, 0.3, selector))
    assert result.analysis.pruned
    if model == MODEL:
        steps.show_example(page, picture)
    steps.expect_answer(page, *result.analysis.pruned.top[0])
    steps.expect_known(page)
    steps.open_tab(page, "Tokens", "#scores img")
    return result.key


def expect_chart(chart: Locator, lines: dict[str, Sequence[float]]) -> None:
    """Each point tells its number and stands at its height between the lines of 0 and 100 %."""
    heights = [float(chart.locator("line.rule").nth(place).get_attribute("y1") or "") for place in (0, 4)]
    expect(chart.locator("li")).to_have_text(list(lines))
    for index, (name, values) in enumerate(lines.items()):
        points = chart.locator(f"svg[role=img] .line-{index} circle")
        words = [f"{name}, {10 * i} % pruned: {percent(value)}" for i, value in enumerate(values)]
        expect(points.locator("title")).to_have_text(words)
        found = [float(point.get_attribute("cy") or "") for point in points.all()]
        wanted = [heights[0] + value * (heights[1] - heights[0]) for value in values]
        assert found == pytest.approx(wanted, abs=0.06)


def expect_sweep(page: Page, found: Sweep) -> None:
    """Every number of the sweep that the page shows is that of `found`."""
    first, charts = found.curves[0], page.locator("#lab-sweep-result .lab-chart")
    names = [SELECTORS[curve.selector].title for curve in found.curves]
    columns = zip(*first.probabilities, strict=True)
    expect_chart(charts.nth(0), dict(zip(found.labels, columns, strict=True)))
    own = [[row[0] for row in curve.probabilities] for curve in found.curves]
    expect_chart(charts.nth(1), dict(zip(names, own, strict=True)))
    marks = charts.nth(0).locator("line.mark")
    if first.flip is None:
        expect(marks).to_have_count(0)
    else:
        expect(charts.nth(0).locator("text.mark")).to_have_text(f"flips to {first.answers[first.flip]}")
        there = charts.nth(0).locator("svg[role=img] .line-0 circle").nth(first.flip)
        expect(marks).to_have_attribute("x1", there.get_attribute("cx") or "")
    said = page.locator("#lab-sweep-result .lab-said li")
    for index, curve in enumerate(found.curves):
        flip = curve.flip
        words = (
            "stays at every ratio." if flip is None else f"flips to {curve.answers[flip]} at {10 * flip} %."
        )
        expect(said.nth(index)).to_contain_text(f"the answer {words}")
    head = ["Pruning", "Patches", "Multiply-adds", *names, "Answer", f"P({found.labels[0]})"]
    expect(page.locator("#lab-sweep-result thead th")).to_have_text(head)
    rows = page.locator("#lab-sweep-result tbody tr")
    for index, point in enumerate(found.points):
        wanted = [" → ".join(map(str, point.tokens)), macs(point.macs)]
        wanted += [describe(curve.times[index]) for curve in found.curves]
        wanted += [first.answers[index], percent(first.probabilities[index][0])]
        expect(rows.nth(index).locator("td")).to_have_text(wanted)


def expect_pictures(gallery: Locator, wanted: Sequence[Image.Image]) -> None:
    """The gallery shows these, to the pixel."""
    expect(gallery.locator("img")).to_have_count(len(wanted))
    for shown, picture in zip(gallery.locator("img").all(), wanted, strict=True):
        body = gallery.page.request.get(shown.evaluate("image => image.src")).body()
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(body)).convert("RGB")), picture)


@pytest.mark.parametrize(
    ("picture", "model"), [("airplane", MODEL), ("cat", "vit_cifar10")]
)  # the answer stays; it flips at 80 %
def test_a_sweep_shows_the_numbers_of_the_engine(
    picture: str, model: str, page: Page, open_page: Opener, given: dict[str, Any]
) -> None:
    if model != MODEL:
        page = open_page(f"{start_bundled()[1]}?example={picture}&model={model}")
    engine = start_bundled()[0]
    lab = engine.recall(choose_example(page, picture, model)).lab
    steps.unfold(page, "lab-sweep")
    expect(page.locator("#lab-whose")).to_be_hidden()
    page.locator("#lab-sweep-run").click()
    expect(page.locator("#lab-sweep-result tbody tr")).to_have_count(10)
    found: Sweep = given["sweep"]
    assert (found.curves[0].flip is None) == (picture == "airplane")
    expect_sweep(page, found)

    seen = engine.forwards
    for curve in (*found.curves[1:], found.curves[0]):  # the first is shown without a choice, and again after
        page.locator("#lab-whose").get_by_label(SELECTORS[curve.selector].title, exact=True).check()
        expect(page.locator("#lab-kept-title")).to_contain_text(SELECTORS[curve.selector].title)
        words = [
            f"{10 * index} %: {len(ids)} left, {answer}"
            for index, (ids, answer) in enumerate(zip(curve.kept, curve.answers, strict=True))
        ]
        expect(page.locator("#lab-kept .caption-label")).to_have_text(words)
        expect_pictures(page.locator("#lab-kept"), [lab.kept_figure(ids) for ids in curve.kept])
    assert engine.forwards == seen, "another film strip runs no network"
    steps.choose_example(page, "horse")
    expect(page.locator("#lab-whose")).to_be_hidden()
    expect(page.locator("#lab-kept img")).to_have_count(0)


def test_budgets_and_the_smallest_set_are_those_of_the_engine(page: Page, given: dict[str, Any]) -> None:
    lab = start_bundled()[0].recall(choose_example(page, "airplane")).lab
    steps.unfold(page, "lab-adaptive")
    for threshold in (0.8, 1.2):
        if threshold != 0.8:
            number = page.locator("#lab-threshold input[type=number]")
            number.fill(str(threshold))
            number.press("Enter")
        found = lab.adaptive(threshold)
        both = (found.adaptive, found.fixed)
        percents = f"{100 * found.pruning_ratio:.0f}"
        head = page.locator("#lab-adaptive-result thead :is(td, th)")
        expect(head).to_have_text(["", f"Threshold {threshold}", f"Fixed {percents} %"])
        for index, budget in enumerate(both):
            answer, probability = budget.top[0]
            cells = [" → ".join(map(str, budget.tokens)), macs(budget.macs), answer, percent(probability)]
            column = page.locator(f"#lab-adaptive-result tbody td:nth-of-type({index + 1})")
            expect(column).to_have_text(cells)
        counts = [len(budget.kept) for budget in both]
        words = [
            f"{name}: {n} patches at the end"
            for name, n in zip(("Threshold", "Fixed ratio"), counts, strict=True)
        ]
        expect(page.locator("#lab-adaptive-kept .caption-label")).to_have_text(words)
        figures = [lab.kept_figure(budget.kept) for budget in both]
        expect_pictures(page.locator("#lab-adaptive-kept"), figures)

    steps.unfold(page, "lab-smallest")
    page.locator("#lab-smallest-run").click()
    result = page.locator("#lab-smallest-result")
    expect(result.locator(".lab-answer")).to_contain_text("of 64 patch")
    small: SmallestSet = given["smallest_set"]
    model, pixels = load_directly(ROOT / "checkpoints", MODEL, decode(example_paths()["airplane"]))
    with torch.no_grad():
        dense, alone = (
            model(pixels, pruning=pruning).softmax(-1)[0]
            for pruning in (None, Pruning(None, Explicit((torch.tensor(small.kept),))))
        )
    place = int(dense.argmax())
    assert int(alone.argmax()) == place
    assert float(alone[place]) >= 0.8 * float(dense[place]) - 1e-4
    expect(result.locator(".lab-answer b")).to_have_text([str(len(small.kept)), CIFAR10_CLASSES[place]])
    shares = [percent(float(one[place])) for one in (alone, dense)]
    expect(result).to_contain_text(f"Probability {shares[0]}, with all patches {shares[1]}.")
    expect(result).to_contain_text(f"{small.tried} sets of patches were run.")
    expect_pictures(page.locator("#lab-smallest-picture"), [lab.kept_figure(small.kept)])


def test_stages_of_ones_own_are_those_of_the_network(page: Page) -> None:
    usual = start_bundled()[0].recall(choose_example(page, "airplane")).analysis
    model, pixels = load_directly(ROOT / "checkpoints", MODEL, decode(example_paths()["airplane"]))
    pruning = prune_by("learned", Schedule((3, 8), (0.8, 0.25)), model=model, pixels=pixels)
    logits = record(model, pixels, pruning=pruning).logits
    assert logits is not None
    assert usual.pruned is not None
    work = macs(cost.macs(model.config, tokens=(64, 51, 12), prune_loc=(3, 8)))
    share = percent(float(logits.softmax(0).max()))
    columns = [
        ["3:0.8, 8:0.25", "64 → 51 → 12", work, CIFAR10_CLASSES[int(logits.argmax())], share],
        ["3:0.7, 6:0.7, 8:0.7", "64 → 44 → 31 → 21", macs(usual.pruned.macs), usual.pruned.top[0][0]],
        ["–", "64", macs(usual.dense.macs), usual.dense.top[0][0]],
    ]
    steps.unfold(page, "lab-stages")
    text, run = page.locator("#lab-stages-text :is(input, textarea)"), page.locator("#lab-stages-run")
    expect(text).to_have_value("3:0.7, 6:0.7, 8:0.7")
    text.fill("3:0.8,8:0.25")
    run.click()
    result = page.locator("#lab-stages-result")
    for index, cells in enumerate(columns, start=1):
        column = result.locator(f"tbody tr:nth-child(-n + {len(cells)}) td:nth-last-of-type({index})")
        expect(column).to_have_text(cells)
    words = ["Input: 64 patches", "Stage 1: 51 of 64 patches", "Stage 2: 12 of 64 patches"]
    expect(page.locator("#lab-stages-kept .caption-label")).to_have_text(words)
    text.fill("2:0.5")
    run.click()
    expect(page.locator(".toast-body").last).to_contain_text("which stand only before layers 3, 6, 8")
    page.locator(".toast-close").last.click()
    steps.show_example(page, "cat")
    expect(result.locator("tbody tr")).to_have_count(0)
    expect(text).to_have_value("2:0.5")
