"""A map over a picture, as the page's scripts draw it and as Python does, pixel by pixel; no network runs."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Route

from tests.browser.server import ROOT
from vitdemo import render

FOLDER = ROOT / "vitdemo/ui/kit/maps"
HOST = "http://maps.test/"  # every request to it is answered here
DRAW = """async ({ view, row, gone, grid, palette, smooth }) => {
    const { Picture } = await import("/picture.js");
    const scale = await import("/scale.js");
    const image = new Image();
    image.src = view;
    await image.decode();
    const picture = new Picture(document.createElement("canvas"));
    picture.open({ view: image, grid });
    const values = Float64Array.from(row, (value) => value ?? NaN);
    const empty = gone.filter((patch) => Number.isNaN(values[patch]));
    const high = scale.own(values, 0);
    const options = { prefix: 0, palette, high, opacity: scale.OPACITY };
    const fill = (pixels) => scale.paint(pixels, values, options);
    picture.draw({ fill, gone, empty, smooth, query: null, cursor: null });
    return { high, picture: picture.canvas.toDataURL() };
}"""


@pytest.fixture
def view() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (36, 48, 3), dtype=np.uint8)
    return render.enlarge_view(Image.fromarray(noise))


def draw_in_browser(browser: Browser, **given: Any) -> dict[str, Any]:
    def answer(route: Route) -> None:
        name = Path(route.request.url).name
        if name.endswith(".js"):
            route.fulfill(path=FOLDER / name, content_type="text/javascript")
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page = browser.new_page()
    page.route(f"{HOST}**", answer)
    page.goto(HOST)
    drawn = page.evaluate(DRAW, given)
    page.close()
    return drawn


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("outlier", [1.0, 50.0])
def test_python_draws_a_map_as_the_page_does(
    browser: Browser, view: Image.Image, smooth: bool, outlier: float
) -> None:
    """Its own scale, what shows through, outliers, dropped patches with a value and without."""
    heat = np.random.default_rng(1).random((6, 8))
    heat[2, 3] = outlier
    gone = np.zeros(heat.shape, dtype=bool)
    gone[1, 1:4] = gone[5, 7] = True
    heat[1, 1] = heat[5, 7] = np.nan
    file = io.BytesIO()
    view.save(file, "PNG")
    drawn = draw_in_browser(
        browser,
        view=f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}",
        row=[None if np.isnan(value) else value for value in heat.ravel()],
        gone=np.flatnonzero(gone).tolist(),
        grid=list(heat.shape),
        palette=render.colour_map().ravel().tolist(),
        smooth=smooth,
    )
    scale = render.own_scale(heat, label="")
    assert scale.high == pytest.approx(drawn["high"])
    assert (scale.high < outlier) == (outlier > 1)
    png = io.BytesIO(base64.b64decode(drawn["picture"].split(",")[1]))
    found = np.asarray(Image.open(png).convert("RGB")).astype(int)
    wanted = np.asarray(render.draw_overlay(view, heat, scale=scale, gone=gone, smooth=smooth))
    apart = np.abs(found - wanted)
    assert apart.max() <= (255 / 16 + 4 if smooth else 2)  # Chromium blends in sixteen steps
    assert apart.mean() < (2 if smooth else 0.5)
