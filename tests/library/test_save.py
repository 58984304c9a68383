"""What is saved holds the numbers, in each kind of file, and a report works without a server."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

import vitdemo
from tests.engine.bundle import draw_picture

Saved = Callable[[str], bytes]
CREDIT = "DynamicViT · CIFAR-10: folder dynamicvit_cifar10"


@pytest.fixture(scope="module")
def found(network: vitdemo.Network) -> vitdemo.Explanation:
    return network.explain(draw_picture(1), method="chefer", class_name="deer", pruning_ratio=0.5)


@pytest.fixture
def saved(found: vitdemo.Explanation, tmp_path: Path) -> Saved:
    def save(name: str) -> bytes:
        found.save(tmp_path / name)
        return (tmp_path / name).read_bytes()

    return save


def test_pictures(found: vitdemo.Explanation, saved: Saved) -> None:
    with Image.open(io.BytesIO(saved("map.png"))) as image:
        assert image.tobytes() == found.image.tobytes()
        assert image.info["Description"] == CREDIT
    assert saved("map.svg").decode() == found.drawing.to_svg(about=CREDIT)
    drawn = ElementTree.fromstring(saved("map.svg"))
    assert [part.text for part in drawn if part.tag.endswith("}desc")] == [CREDIT]


def test_a_picture_names_the_repository_and_the_commit(found: vitdemo.Explanation, tmp_path: Path) -> None:
    """For a network of the Hub; how its source comes about is in tests/engine/core/test_networks.py."""
    result = copy(found.result)
    analysis = replace(result.analysis, source="hf-hub:me/mine@0123", title="Mein <b> größtes")
    result._entry = replace(result._entry, analysis=analysis)
    other = replace(found, result=result)
    for name in ("map.png", "map.svg"):
        other.save(tmp_path / name)
    with Image.open(tmp_path / "map.png") as image:
        assert image.info["Description"] == "Mein <b> größtes: hf-hub:me/mine@0123"
    drawn = (tmp_path / "map.svg").read_text("utf-8")
    assert "<desc>Mein &lt;b&gt; größtes: hf-hub:me/mine@0123</desc>" in drawn


def test_numbers(found: vitdemo.Explanation, saved: Saved) -> None:
    arrays = np.load(io.BytesIO(saved("map.npz")))
    np.testing.assert_array_equal(arrays["map"], found.array)
    facts = json.loads(saved("map.json"))
    assert facts["map"]["values"] == [list(row) for row in found.map.values]
    assert (facts["map"]["method"], facts["map"]["label"]) == ("chefer", "deer")
    assert facts["map"]["probability"] == pytest.approx(found.probability)
    assert facts["model"].startswith("dynamicvit_cifar10@sha256:")
    assert set(arrays) == {"map", *facts["arrays"]}
    table = list(csv.DictReader(saved("map.csv").decode().splitlines()))
    assert [int(row["patch"]) for row in table] == list(range(16))
    assert [(int(row["row"]), int(row["column"])) for row in table][6] == (1, 2)
    given = [np.nan if row["value"] == "" else float(row["value"]) for row in table]
    np.testing.assert_allclose(given, found.array.ravel())


def test_what_pruning_left(network: vitdemo.Network, tmp_path: Path) -> None:
    left = network.prune(draw_picture(2), keep_ratio=0.5)
    for name in ("left.png", "left.csv", "left.json", "left.npz"):
        left.save(tmp_path / name)
    stages = [int(row["dropped_at_stage"]) for row in csv.DictReader((tmp_path / "left.csv").open())]
    for number, kept in enumerate(left.kept, start=1):
        there = [patch for patch, stage in enumerate(stages) if stage == 0 or stage > number]
        assert there == list(kept)
    assert json.loads((tmp_path / "left.json").read_text())["keep_ratio"] == 0.5
    assert np.load(tmp_path / "left.npz")["kept_2"].tolist() == list(left.kept[2])


def test_another_kind_of_file_is_refused(found: vitdemo.Explanation, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a file must end in \.png, .*\.html, \.svg, got 'map\.xlsx'"):
        found.save(tmp_path / "map.xlsx")
    assert not list(tmp_path.iterdir())


def test_a_report_is_explored_without_a_server(
    network: vitdemo.Network,
    tmp_path: Path,
    browser: Browser,
) -> None:
    image = draw_picture(3)
    found = network.explain(image, method="raw-attention", layer=1, head=2, pruning_ratio=0.5)
    found.save(tmp_path / "report.html")
    troubles: list[str] = []
    context = browser.new_context(offline=True, locale="en")
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: troubles.append(asked.url) if asked.url.startswith("http") else None)
    page.goto((tmp_path / "report.html").as_uri())
    page.wait_for_selector('.attention[data-ready="ready"]')
    page.wait_for_selector(".attention .cells button")

    def heat(part: dict[str, Any]) -> list[float]:
        values = page.evaluate("part => document.querySelector('.attention').attention.heat(part)", part)
        return [np.nan if value is None else value for value in values]

    def wanted(**look: Any) -> np.ndarray:
        return network.explain(image, pruning_ratio=0.5, **look).array.ravel()

    np.testing.assert_allclose(heat({}), found.array.ravel(), atol=1e-3, err_msg="as saved")
    look = {"method": "raw-attention", "layer": 3, "head": 0}
    np.testing.assert_allclose(heat(look), wanted(**look), atol=1e-3)
    page.locator(".attention [data-control=method]").select_option("attention-rollout")
    np.testing.assert_allclose(heat({}), wanted(method="attention-rollout"), atol=1e-3)
    assert found.label in page.locator("h1").inner_text()
    assert page.locator("figure img").evaluate("image => image.naturalWidth") == found.image.width
    last = len(network.model.blocks) - 1
    network.explain(image, method="attention-rollout").save(tmp_path / "other.html")
    page.goto((tmp_path / "other.html").as_uri())
    page.wait_for_selector('.attention[data-ready="ready"]')
    state = page.evaluate("() => document.querySelector('.attention').attention.state")
    assert (state["method"], state["layer"]) == ("attention-rollout", last)
    assert troubles == []
    context.close()
