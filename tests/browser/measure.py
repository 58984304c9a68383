"""`python -m tests.browser.measure --n 9`: how long a page takes to open, and an upload to be answered.

The app as it ships and a browser with an empty cache on the same machine. Beside each median stand the
middle half and n; run it while nothing else runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import MISSING, SWITCHES, find_browser
from tests.browser.server import start_app, stop
from tests.browser.steps import upload
from tests.browser.test_first_view import PLACES, WATCH
from vitdemo.engine import Engine, Request, Timing
from vitdemo.timing import describe
from vitdemo.ui.kit.opening import list_examples

# From the choice of a file to the answer to it, which says another probability than the one before.
ANSWERED = """() => {
  window.answered = null;
  const read = () => document.querySelector("#headline .answer")?.textContent;
  const before = read();
  let begun = null;
  addEventListener("change", ({ target }) => {
    if (target.type === "file") begun = performance.now();
  }, true);
  (function look() {
    const now = read();
    if (begun !== null && now && now !== before) window.answered = performance.now() - begun;
    else requestAnimationFrame(look);
  })();
}"""


def open_fresh(browser: Browser, url: str) -> Page:
    """Return a page in a browser that knows nothing of it, when all of its first view is there."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.add_init_script(f"({WATCH})({PLACES})")
    page.goto(url)
    page.wait_for_function("window.filled")
    return page


def draw_uploads(folder: Path, n: int) -> Iterator[Path]:
    """Write pictures that nobody has analysed: an example, cut more and more.

    The page says another answer to each, and another than to the example.
    """
    engine = Engine(device="cpu")
    with Image.open(list_examples(engine, engine.default_model)[0].path) as picture:
        whole = picture.convert("RGB")
    said, cut = {say_answer(engine, whole)}, 0
    while len(said) <= n:
        cut += 1
        cropped = whole.crop((4 * cut, 4 * cut, *whole.size))
        if (answer := say_answer(engine, cropped)) not in said:
            said.add(answer)
            cropped.save(path := folder / f"{cut}.png")
            yield path


def say_answer(engine: Engine, picture: Image.Image) -> str:
    """Return the class and its share, as the page writes them."""
    analysis = engine.open(Request(picture)).analysis
    label, share = (analysis.pruned or analysis.dense).top[0]
    return f"{label} {share:.1%}"


def measure_uploads(page: Page, folder: Path, n: int) -> Iterator[float]:
    """Milliseconds from each upload to its answer."""
    for path in draw_uploads(folder, n):
        page.wait_for_function("!document.body.classList.contains('stale')")
        page.wait_for_timeout(3000)  # what follows the answer before is done
        page.evaluate(ANSWERED)
        upload(page, path)
        page.wait_for_function("window.answered")
        yield page.evaluate("window.answered")


def summarise(times: list[float]) -> str:
    low, middle, high = np.percentile(times, (25, 50, 75)).tolist()
    return describe(Timing(middle, low, high, len(times)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.measure", description=__doc__)
    parser.add_argument("--n", type=int, default=9, help="times of each (default: %(default)s)")
    n, path = parser.parse_args().n, find_browser()
    if path is None:
        sys.exit(MISSING)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        app, url = start_app(folder, OMP_NUM_THREADS=str(torch.get_num_threads()))
        stack.callback(stop, app)
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        opened = []
        for _ in range(n):
            page = open_fresh(browser, url)
            opened.append(page.evaluate("window.filled"))
            page.context.close()
        print(f"first view: {summarise(opened)}", flush=True)
        page = open_fresh(browser, url)
        print(f"upload to answer: {summarise(list(measure_uploads(page, Path(folder), n)))}")


if __name__ == "__main__":
    main()
