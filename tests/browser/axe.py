"""What axe-core finds on a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
# Off unless asked for: what is read out contains what is written on it.
EVERY = {"rules": {"label-content-name-mismatch": {"enabled": True}}}
BUT_CONTRAST = {"rules": {**EVERY["rules"], "color-contrast": {"enabled": False}}}  # most of the time
RUN = """([part, options]) => axe.run(part, { resultTypes: ["violations"], ...options })
    .then(({ violations }) => violations)"""
GRAVE = ("serious", "critical")


def load_axe(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))


def list_grave(page: Page, part: str = "html", rules: dict[str, Any] = EVERY) -> list[str]:
    """Return a line for each place in `part`, a selector, with a finding that is serious or worse."""
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in page.evaluate(RUN, [part, rules])
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
