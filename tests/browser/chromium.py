"""A Chromium for the browser tests: the system's, else Playwright's own, else Debian's package.

A headless shell is preferred: it shows the same in three quarters of the processor's time.

`python tests/browser/chromium.py` gets one if it can, and says so in one line if it cannot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60_000  # milliseconds, for a machine that does something else as well
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MISSING = "no Chromium can be had on this machine (install chromium): the browser tests will fail"


def find_browser() -> str | None:
    """Return the path of a browser that is installed, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    version = own.parents[1]
    shells = version.with_name(version.name.replace("-", "_headless_shell-")).glob("*/*headless*shell")
    return next((str(path) for path in (*shells, own) if path.is_file()), None)


def run(words: Sequence[str]) -> bool:
    """Run a command that installs something. Return whether it came through within ten minutes."""
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, timeout=600, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> None:
    """Playwright's build, which needs its own download server; else Debian's package, which needs root."""
    if run([sys.executable, "-m", "playwright", "install", "chromium", "--only-shell"]) and find_browser():
        return
    if shutil.which("apt-get") and os.geteuid() == 0 and run(["apt-get", "update"]):
        run(["apt-get", "install", "-y", "--no-install-recommends", "chromium-headless-shell"])


if __name__ == "__main__":
    if find_browser() is None:
        install()
    print(find_browser() or MISSING)
