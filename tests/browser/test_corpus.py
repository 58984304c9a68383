"""A visitor uploads odd and hostile files: the right answer or one sentence, and the page goes on."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.server import quick_models
from tests.corpus import assert_told, corpus
from tests.corpus_damage import ODD_NAMES
from tests.corpus_entry import Entry
from vitdemo.engine import Engine, Request

LONG_NAME = next(name for name in ODD_NAMES if len(name) > 100)
SOUND = (
    *("turned-6.png", "turned-3.webp", "key-grey-16.png", "16-bit-big-endian.tif", "rgb-16-2.png"),
    *("palette-4.png", "masked.gif", "upside-down.bmp", "animated.png", "100 %s %d {0} {name}.png"),
)
BROKEN = (
    *("empty.png", "html.png", "svg.png", "cut-0.5.jpeg", "1x60000.png", "8001x8000.png"),
    *(
        "greedy-exif-joined.jpg",
        "<img src=x onerror=alert(1)>!.png",
        "left\u202egnp!.png",
        f"{LONG_NAME}!.png",
    ),
)


@pytest.fixture
def page(open_page: Opener, app_url: str) -> Page:
    return open_page(app_url)


def written(folder: Path, name: str) -> tuple[Entry, Path]:
    path = folder / name
    path.write_bytes(corpus()[name].data)
    return corpus()[name], path


def expect_seen(page: Page, entry: Entry, engine: Engine) -> None:
    """The answer to the pixels that the file shows."""
    assert entry.pixels is not None
    result = engine.open(Request(Image.fromarray(entry.pixels.astype("uint8"))))
    assert result.analysis.pruned is not None
    steps.expect_answer(page, *result.analysis.pruned.top[0])


def expect_refused(page: Page, entry: Entry) -> None:
    problem = page.locator("#headline .problem")
    expect(problem).to_have_text(re.compile(entry.says))
    assert_told(entry, problem.inner_text())
    expect(page.locator("#label [data-testid$=confidence-set]")).to_have_count(0)
    expect(page.locator("img[src=x]")).to_have_count(0)  # a name is text


def test_one_file_after_the_other(page: Page, tmp_path: Path) -> None:
    engine = Engine(device="cpu", models_dir=quick_models())
    for name in chain(*zip(BROKEN, SOUND, strict=True)):
        entry, path = written(tmp_path, name)
        steps.upload(page, path)
        if entry.says:
            expect_refused(page, entry)
        else:
            expect_seen(page, entry, engine)


def test_a_broken_file_among_several_costs_none_of_the_others(page: Page, tmp_path: Path) -> None:
    names = "turned-2.png", "cut-0.5.png", "palette-8.png"
    files = [written(tmp_path, name) for name in names]
    steps.upload(page, *(path for _, path in files), several=True)
    engine = Engine(device="cpu", models_dir=quick_models())
    for place in (1, 2, 1, 0):
        page.locator("#strip button.thumbnail-item").nth(place).click()
        expect(page.locator("#note")).to_have_text(f"Your picture {place + 1} of 3")
        entry = files[place][0]
        expect_refused(page, entry) if entry.says else expect_seen(page, entry, engine)
