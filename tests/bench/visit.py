"""What one visit costs in requests and bytes: a real browser with an empty cache."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Error, Request, sync_playwright

from tests.bench.race import Row, Setting, summarise
from tests.browser.chromium import SWITCHES, find_browser
from tests.browser.measure import draw_uploads
from tests.browser.server import ROOT, find_app
from tests.browser.steps import upload

NAME = "visit"
REQUESTS, MEGABYTES = 60.0, 1.5
SETTLED = "!document.body.classList.contains('stale')"
QUIET = 4000  # milliseconds, in which whatever follows an answer comes


@dataclass
class Traffic:
    """What a page asks for. `ended`: its requests that were answered in full."""

    ended: list[Request] = field(default_factory=list)

    def take(self) -> tuple[int, float]:
        """Return the requests so far and their megabytes as sent, and begin anew."""
        ended, self.ended[:] = list(self.ended), []
        total = 0
        for request in ended:
            with suppress(Error):  # of a stream that still goes on nobody knows the size
                sizes = request.sizes()
                total += sizes["responseBodySize"] + sizes["responseHeadersSize"]
        return len(ended), total / 1e6


def measure(setting: Setting) -> Iterator[Row]:
    """Count a visit that opens the page, uploads a photograph and opens the Attention tab."""
    path = find_browser()
    if setting.tiny or path is None:
        return
    url = find_app(ROOT / "checkpoints")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        traffic = Traffic()
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.on("requestfinished", lambda request: traffic.ended.append(request))
        page.goto(url)
        page.wait_for_timeout(QUIET)
        opened = traffic.take()
        upload(page, next(iter(draw_uploads(Path(folder), 1))))
        page.wait_for_timeout(QUIET)
        page.wait_for_function(SETTLED)
        answered = traffic.take()
        page.get_by_role("tab", name="Attention").click()
        page.wait_for_timeout(QUIET)
        looked = traffic.take()
        browser.close()
    counts = {"the page opens": opened, "an upload is answered": answered, "the Attention tab opens": looked}
    for case, (requests, megabytes) in counts.items():
        yield Row(NAME, case, summarise([requests]), unit="requests", note=f"{megabytes:.2f} MB")
    whole = sum(requests for requests, _ in counts.values())
    yield Row(NAME, "all of it", summarise([whole]), unit="requests", bar=REQUESTS)
    result = answered[1] + looked[1]
    yield Row(NAME, "one new result, explored", summarise([result]), unit="MB", bar=MEGABYTES)
