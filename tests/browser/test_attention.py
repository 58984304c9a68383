"""The Attention tab's numbers, in a real browser, against the same explanations in Python."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.bundled import (
    explain_inward,
    explain_look,
    find_best,
    read_heats,
    record_first,
    start_bundled,
)
from tests.browser.server import MODEL
from vitdemo.engine import Request
from vitdemo.engine.answers import payload
from vitdemo.examples import example_paths
from vitdemo.models.selectors import SELECTORS
from vitdemo.registry import MODELS
from vitdemo.trace import Trace


@pytest.fixture
def page(opened: tuple[Page, dict[str, Any]]) -> Page:
    return opened[0]


@pytest.fixture
def attention(opened: tuple[Page, dict[str, Any]]) -> Locator:
    """In its first state, of the default model."""
    page, first = opened
    show_analysis_by(page, MODEL)
    steps.show_attention(page, **first)
    return page.locator(".attention")


def show_analysis_by(page: Page, model: str) -> None:
    """The Attention tab shows the first example, analysed by `model` with its own selector."""
    title, selector = MODELS[model].title, str(SELECTORS[find_best(model)].title)
    for control, option in (("model", title), ("selector", selector)):
        shown = page.locator(f"#{control} input")
        if shown.input_value() != option:
            steps.choose(page, control, option)
        expect(shown).to_have_value(option)
        # An open list whose choices are replaced is an error in gradio's own script.
        expect(page.locator("#headline p.quiet")).to_contain_text(title)
    request = Request(example_paths()["airplane"], model, 0.3, find_best(model))
    steps.expect_attention(page, start_bundled()[0].open(request).key)


def list_looks(trace: Trace, *, direction: str) -> list[dict[str, Any]]:
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
    names = ("method", "layer", "head", "query", "fusion", "discard_ratio")
    return [
        {**dict(zip(names, values, strict=True)), "direction": direction}
        for values in (*raw, *rollout, *by_head)
    ]


@pytest.mark.parametrize("model", ["dynamicvit_cifar10", "lightvit_cifar10"])
def test_numbers_equal_those_of_python(page: Page, model: str) -> None:
    show_analysis_by(page, model)
    for name, trace in record_first(model).items():
        asked = list_looks(trace, direction="out")
        found = read_heats(page, [{**look, "pass": name} for look in asked])
        for look, heat in zip(asked, found, strict=True):
            truth = explain_look(trace, look)
            assert (heat is None) == (truth is None), look
            if heat is not None and truth is not None:
                tolerance = 1e-3 * float(np.nanmax(truth))
                np.testing.assert_allclose(heat, truth, rtol=0, atol=tolerance, err_msg=str(look))


@pytest.mark.parametrize("model", ["dynamicvit_cifar10", "lightvit_cifar10"])
def test_who_looks_at_a_patch_equals_whole_matrices(page: Page, model: str) -> None:
    show_analysis_by(page, model)
    for name, trace in record_first(model).items():
        asked = [
            look
            for look in list_looks(trace, direction="in")
            if look["method"] != "raw-attention"
            or look["query"] is None
            or look["query"] in trace.patch_ids(look["layer"])
        ]
        found = read_heats(page, [{**look, "pass": name} for look in asked])
        for look, heat in zip(asked, found, strict=True):
            assert heat is not None, look
            truth = explain_inward(trace, look)
            np.testing.assert_allclose(heat, truth, rtol=0, atol=1e-3 * np.nanmax(truth), err_msg=str(look))


def test_a_large_result_comes_layer_by_layer(
    page: Page, attention: Locator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload, "LIMIT", 0)
    show_analysis_by(page, "vit_cifar10")
    expect(attention.locator(".loading")).to_have_text("")
    trace = record_first("vit_cifar10")["dense"]
    attention.get_by_label("Dense", exact=True).check()
    expect(attention).to_have_attribute("data-ready", "ready")
    found = read_heats(page, [{}])[0]
    truth = explain_look(trace, steps.read_attention_state(page))
    assert truth is not None
    assert found is not None
    np.testing.assert_allclose(found, truth, rtol=0, atol=1e-3 * truth.max())
