"""Pictures that the page shows, pixel by pixel, and pictures of noise to show it."""

from __future__ import annotations

import io
from time import monotonic

import numpy as np
from PIL import Image
from playwright.sync_api import Locator

from tests.browser.chromium import PATIENCE


def read_pixels(shown: Locator) -> np.ndarray:
    """Of the file that an <img> on the page names."""
    body = shown.page.request.get(shown.evaluate("image => image.src")).body()
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB"))


def expect_picture(shown: Locator, picture: Image.Image) -> None:
    """The page shows `picture`, or will soon, to the pixel."""
    wanted, deadline = np.asarray(picture.convert("RGB")), monotonic() + PATIENCE / 1000
    while not np.array_equal(read_pixels(shown), wanted):
        assert monotonic() < deadline, f"{shown} shows something else"
        shown.page.wait_for_timeout(200)


def make_noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8))
