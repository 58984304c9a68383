"""What every test shares: checked tensor shapes, one thread, a fixed seed, and times that all count.

torch and vitdemo are imported where tests run: the process that hands tests out to others needs neither.
"""

import atexit
import gc
import os
import random
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from tests import checked

checked.install(["vitdemo", "train"])  # before either is imported

settings.register_profile("busy", deadline=None)  # an example may take long where others run as well
settings.load_profile("busy")
# For torch here, and in the processes that tests start: threads that share a busy core spend most of their
# time on each other.
os.environ["OMP_NUM_THREADS"] = "1"
# Equal pictures have equal names, and a test deletes what it has put there: each process has its own.
os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix="vitdemo-tests-")
atexit.register(shutil.rmtree, os.environ["GRADIO_TEMP_DIR"], ignore_errors=True)
# No test speaks TLS, and to read the machine's certificates takes 0.05 s for each client of HTTP.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.environ["GRADIO_TEMP_DIR"]
os.environ["VITDEMO_RUNS"] = str(Path(os.environ["GRADIO_TEMP_DIR"], "no runs"))  # none of this checkout


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A Chromium, one for all tests of a process: Playwright can be started once in each."""
    from playwright.sync_api import expect, sync_playwright

    from tests.browser.chromium import MISSING, PATIENCE, SWITCHES, find_browser

    expect.set_options(timeout=PATIENCE)
    path = find_browser()
    if path is None:
        pytest.fail(MISSING, pytrace=False)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=SWITCHES, timeout=PATIENCE)
        yield chromium
        chromium.close()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while all modules are imported, nor among what they hold later; nor for stubs."""
    from vitdemo.serving.stubs import without_stubs

    gc.disable()
    try:
        with without_stubs():
            return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """No test depends on the order in which the tests run."""
    import torch

    checked.calls.clear()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def every_sample_counts() -> Iterator[dict[str, float]]:
    """No test depends on what else the machine does, nor waits for more samples than there must be.

    Yield what holds outside of the tests.
    """
    from vitdemo import timing
    from vitdemo.engine.answers import speed, sweep, times

    with pytest.MonkeyPatch.context() as patch:
        usual = {"OWN": timing.OWN, "SPREAD": timing.SPREAD}
        patch.setattr(timing, "OWN", 0.0)
        patch.setattr(timing, "SPREAD", float("inf"))
        for module in (times, sweep, speed):
            patch.setattr(module, "SECONDS", 0.0)
        yield usual


@pytest.fixture
def samples_must_agree(every_sample_counts: dict[str, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside of the tests."""
    from vitdemo import timing

    for name, value in every_sample_counts.items():
        monkeypatch.setattr(timing, name, value)
