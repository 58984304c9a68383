"""The visitor's own pictures: too large ones are made smaller here, and the last one outlives a reload."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import OPENED, Opener
from vitdemo.engine import Engine, Progress, Request, Result
from vitdemo.examples import example_paths
from vitdemo.limits import DEFAULTS, MEGABYTE
from vitdemo.ui.kit import visit

KEPT = "This browser keeps your picture"
FORMER = "Your last picture is still in this browser."
STORED = """() => new Promise((done) => {
  const opening = indexedDB.open("vitdemo", 1);
  opening.onsuccess = () => {
    const found = opening.result.transaction("pictures").objectStore("pictures").getAll();
    found.onsuccess = () => { opening.result.close(); done(found.result.map((file) => file.size)); };
  };
})"""
HUSH = """() => {
  console.error = () => {};
  window.addEventListener("unhandledrejection", (event) => event.preventDefault());
}"""


@pytest.fixture
def page(open_page: Opener, app_url: str) -> Page:
    return open_page(app_url)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than 20 MB of noise, its left half darker, that a camera held on its side has taken."""
    noise = np.random.default_rng(0).integers(0, 128, (2400, 3600, 3), dtype=np.uint8)
    noise[:, 1800:] += 127
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: what is left gets on top
    path = tmp_path_factory.mktemp("large") / "holiday.jpg"
    Image.fromarray(noise).save(path, quality=100, subsampling=0, exif=exif)
    assert path.stat().st_size > DEFAULTS.upload_megabytes * MEGABYTE
    return path


def find_shown(page: Page) -> Image.Image:
    """Return the file behind the picture that the page shows."""
    address = page.locator("#picture img").get_attribute("src") or ""
    return Image.open(io.BytesIO(page.request.get(address).body()))


def come_again(page: Page) -> None:
    """Load the page anew. The one that is left may still wait for an answer, and would complain."""
    steps.expect_rest(page)
    page.evaluate(HUSH)
    page.reload()
    page.wait_for_function(OPENED)


def test_a_large_photograph_is_made_smaller_and_stays_upright(page: Page, large: Path) -> None:
    steps.upload(page, large)
    expect(page.locator("#note")).to_have_text("Your picture")
    expect(page.locator("#own [role=status]")).to_contain_text("was made smaller in your browser")
    expect(page.locator("#own [role=status]")).to_contain_text(f"{DEFAULTS.upload_megabytes} MB.")
    with find_shown(page) as picture:
        assert picture.size == (1365, 2048)
        assert not picture.getexif().get(0x0112)
        grey = np.asarray(picture.convert("L")).astype(float)
    assert grey[:1000].mean() + 60 < grey[1100:].mean()
    expect(page.locator("#headline .answer")).to_be_visible()


def test_what_is_no_picture_never_leaves_the_browser(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "notes.png"
    file.write_bytes(bytes(DEFAULTS.upload_megabytes * MEGABYTE + 1))
    sent = []
    page.on("request", lambda request: sent.append(request.url) if "/upload" in request.url else None)
    steps.upload(page, file, several=True)
    expect(page.locator("#own [role=status]")).to_contain_text("notes.png has more than 20 MB")
    expect(page.locator("#note")).to_have_text("Example: airplane")
    assert sent == []


def test_the_last_picture_outlives_a_reload_and_can_be_forgotten(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, requests = example_paths()["truck"], []

    def analyse(engine: Engine, request: Request, report: Progress) -> Result:
        requests.append(request)
        return visit.analyse(engine, request, report)

    monkeypatch.setattr("vitdemo.ui.answer.analyse", analyse)
    steps.upload(page, picture)
    answer = steps.predict_by_hand(picture, keep_ratio=0.7)
    steps.expect_answer(page, *answer)
    steps.expect_rest(page)
    assert len(requests) == 1  # gradio tells of an upload twice
    expect(page.locator("#own")).to_contain_text(KEPT)
    assert page.evaluate(STORED) == [picture.stat().st_size]

    come_again(page)
    expect(page.locator("#note")).to_have_text("Your picture")
    steps.expect_answer(page, *answer)

    steps.choose_example(page, "ship")
    expect(page.locator("#own")).to_contain_text(FORMER)
    page.get_by_role("button", name="Show it").click()
    expect(page.locator("#note")).to_have_text("Your picture")
    steps.expect_answer(page, *answer)

    page.get_by_role("button", name="Forget it").click()
    expect(page.locator(".own-picture")).to_be_hidden()
    assert page.evaluate(STORED) == []
    come_again(page)
    expect(page.locator("#note")).to_have_text("Example: airplane")
