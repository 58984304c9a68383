"""A visitor uploads odd and hostile files: the right answer or one sentence, and the page goes on.

The page itself is shown some of each kind, since it takes a second to draw a result. The browser uploads
all of them, asks for the same event as its page, and reads the answer as HTML.
"""

from __future__ import annotations

import base64
import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import Opener
from tests.browser.server import quick_models, serve_page
from tests.corpus import GROUPS, assert_told, make_corpus
from tests.corpus_damage import ODD_NAMES
from tests.corpus_entry import Entry
from tests.serving.visitor import Visitor
from tests.small_bundle import write_small_models
from vitdemo.engine import Engine, Request

LONG_NAME = next(name for name in ODD_NAMES if len(name) > 100)
SOUND = (
    *("turned-6.png", "key-grey-16.png", "16-bit-big-endian.tif", "rgb-16-2.png", "masked.gif"),
    *("upside-down.bmp", "100 %s %d {0} {name}.png"),
)
BROKEN = (
    *("html.png", "cut-0.5.jpeg", "1x60000.png", "greedy-exif-joined.jpg"),
    *("<img src=x onerror=alert(1)>!.png", "left\u202egnp!.png", f"{LONG_NAME}!.png"),
)

# Uploads each file, asks `ask` about it, and puts the headline of the answer into the page; returns what kind
# of line that is, and what it says.
ASK = """async ([files, ask, headline]) => {
    const shown = document.body.appendChild(document.createElement("div"));
    const post = (route, body, headers) => fetch(`gradio_api/${route}`, { method: "POST", body, headers });
    const told = [];
    for (const { name, bytes } of files) {
        const form = new FormData();
        form.append("files", new File([Uint8Array.from(atob(bytes), (sign) => sign.charCodeAt(0))], name));
        const [path] = await (await post("upload", form)).json();
        const image = { path, meta: { _type: "gradio.FileData" } };
        const data = ask.data.map((value) => value?.path ? image : value);
        await post("queue/join", JSON.stringify({ ...ask, data }), { "Content-Type": "application/json" });
        const stream = await fetch(`gradio_api/queue/data?session_hash=${ask.session_hash}`);
        const lines = (await stream.text()).split("\\n").filter((line) => line.includes("process_completed"));
        shown.innerHTML = JSON.parse(lines.at(-1).replace("data:", "")).output.data[headline];
        const [line] = shown.querySelectorAll(".answer, .problem");
        told.push([line.className, line.innerText]);
    }
    shown.remove();
    return told;
}"""
MANY = 50  # files that are handed to the browser at once


@pytest.fixture
def page(open_page: Opener, app_url: str) -> Page:
    return open_page(app_url)


def write_file(folder: Path, name: str) -> tuple[Entry, Path]:
    path = folder / name
    path.write_bytes(make_corpus()[name].data)
    return make_corpus()[name], path


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
    shown = {*BROKEN, *SOUND}
    missing = [group.__name__ for group in GROUPS if not shown & {entry.name for entry in group()}]
    assert missing == ["make_colours"], "some of each kind, but of those whose pixels are rounded"
    engine = Engine(device="cpu", models_dir=quick_models())
    for name in chain(*zip(BROKEN, SOUND, strict=True)):
        entry, path = write_file(tmp_path, name)
        steps.upload(page, path)
        if entry.says:
            expect_refused(page, entry)
        else:
            expect_seen(page, entry, engine)


def test_a_broken_file_among_several_costs_none_of_the_others(page: Page, tmp_path: Path) -> None:
    names = "turned-2.png", "cut-0.5.png", "palette-8.png"
    files = [write_file(tmp_path, name) for name in names]
    steps.upload(page, *(path for _, path in files), several=True)
    engine = Engine(device="cpu", models_dir=quick_models())
    for place in (1, 2, 1, 0):
        page.locator("#strip button.thumbnail-item").nth(place).click()
        expect(page.locator("#note")).to_have_text(f"Your picture {place + 1} of 3")
        entry = files[place][0]
        expect_refused(page, entry) if entry.says else expect_seen(page, entry, engine)


@pytest.mark.long  # the page is shown some above, and over HTTP tests/api/test_corpus.py asks about a third
@pytest.mark.filterwarnings("ignore")
def test_every_file(open_page: Opener, tmp_path: Path) -> None:
    engine = Engine(device="cpu", models_dir=write_small_models(tmp_path))
    names, told = list(make_corpus()), []
    with serve_page(engine) as url:
        page, question = open_page(url), find_question(Visitor(url, session="corpus"))
        for start in range(0, len(names), MANY):
            files = [make_payload(make_corpus()[name]) for name in names[start : start + MANY]]
            told += page.evaluate(ASK, [files, *question])
        assert page.locator("img[src=x]").count() == 0
    for name, (kind, words) in zip(names, told, strict=True):
        entry = make_corpus()[name]
        if kind == "problem":
            assert_told(entry, words)
        else:
            assert words.endswith(" %"), name
            assert entry.pixels is not None or entry.size is not None, name
        if entry.pixels is not None and not entry.off and not entry.says:  # equal pictures have equal answers
            pruned = engine.open(Request(Image.fromarray(entry.pixels.astype("uint8")))).analysis.pruned
            assert pruned is not None
            label, probability = pruned.top[0]
            assert "".join(words.split()) == f"{label}{100 * probability:.1f}%", name


def find_question(visitor: Visitor) -> tuple[dict[str, Any], int]:
    """Return what the page asks of a picture, and where among the answers its headline is."""
    event = visitor.find_event("answer")
    outputs = [visitor.components[part]["props"].get("elem_id") for part in visitor.events[event]["outputs"]]
    asked = {"data": visitor.list_inputs(event), "fn_index": event, "session_hash": visitor.session}
    return asked, outputs.index("headline")


def make_payload(entry: Entry) -> dict[str, str]:
    return {"name": entry.name, "bytes": base64.b64encode(entry.data).decode()}
