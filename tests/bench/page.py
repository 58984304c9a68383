"""From a visitor's upload to the answer and to the maps, in a real browser; against Gradio's own demo."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch
from playwright.sync_api import Page, sync_playwright

from tests.bench.networks import TRANSFORMERS, is_installed
from tests.bench.race import OURS, Row, Setting, compare, summarise
from tests.browser.chromium import SWITCHES, find_browser
from tests.browser.measure import draw_uploads
from tests.browser.server import ROOT, start_app, stop
from tests.browser.steps import upload
from tests.ports import free_port
from tools.cold_start import is_there

NAME = "page"
DEMO = "Gradio's demo with transformers"
TIMES, SETTLED = 5, 4000  # uploads; milliseconds in which what a page does by itself is done
MAPS = 500.0  # milliseconds from the upload
PLACES = {
    OURS: ("#headline .answer", "#class-maps img"),
    DEMO: ("#result [data-testid=label-output-value]",) * 2,
}
# From the choice of a file to a text that is another one, and to pictures that are.
WATCH = """([answer, maps]) => {
  const read = () => document.querySelector(answer)?.textContent;
  const list = () => [...document.querySelectorAll(maps)].map((one) => one.src ?? one.textContent).join();
  const before = [read(), list()];
  const drawn = () => list() && list() !== before[1]
    && [...document.querySelectorAll(maps)].every((one) => one.complete !== false);
  window.seen = [null, null];
  let begun = null;
  addEventListener("change", ({ target }) => {
    if (target.type === "file") begun ??= performance.now();
  }, true);
  (function look() {
    if (begun !== null && read() && read() !== before[0]) window.seen[0] ??= performance.now() - begun;
    if (begun !== null && drawn()) window.seen[1] ??= performance.now() - begun;
    if (window.seen.includes(null)) requestAnimationFrame(look);
  })();
}"""


def measure(setting: Setting) -> Iterator[Row]:
    """Measure both pages in turn, each opened anew before an upload."""
    browser = find_browser()
    if setting.tiny or browser is None:
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        app, ours = start_app(str(folder), **threads)
        stack.callback(stop, app)
        urls = {OURS: ours}
        if is_installed(TRANSFORMERS):
            urls[DEMO] = stack.enter_context(start_demo(threads))
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=browser, args=SWITCHES)
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        times: dict[str, list[float]] = {name: [] for name in urls}
        maps: list[float] = []
        for path in draw_uploads(folder, TIMES):
            for name, url in urls.items():
                answered, drawn = time_upload(page, url, path, PLACES[name])
                times[name].append(answered)
                maps += [drawn] * (name == OURS)
        chromium.close()
    yield from compare(NAME, "upload to answer", times, bars={DEMO: 1.0})
    yield Row(NAME, "upload to the maps of the open tab", summarise(maps), bar=MAPS)


def time_upload(page: Page, url: str, path: Path, places: tuple[str, str]) -> tuple[float, float]:
    """Return the milliseconds to the answer, and to the pictures."""
    page.goto(url)
    page.wait_for_timeout(SETTLED)
    page.evaluate(WATCH, list(places))
    upload(page, path)
    page.wait_for_function("!window.seen.includes(null)")
    answered, drawn = page.evaluate("window.seen")
    return answered, drawn


@contextmanager
def start_demo(environment: dict[str, str]) -> Iterator[str]:
    """Yield the address of Gradio's demo in a process of its own, once it is there."""
    port = free_port()
    words = [sys.executable, "-m", "tests.bench.gradio_demo", str(port)]
    process = subprocess.Popen(words, cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/"
        while not is_there(url):
            if process.poll() is not None:
                raise OSError("Gradio's demo does not start")
            time.sleep(0.2)
        yield url
    finally:
        stop(process)
