"""What stays in memory once a request was answered, in an app as `python app.py` runs it."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from tests.ports import free_port
from tests.serving.visitors import Visitor, wait_until
from tests.soak.memory import read_resident
from vitdemo.limits import Limits
from vitdemo.serving import memory, temporary
from vitdemo.serving.options import Options
from vitdemo.serving.run import run

VISITS = 5
PIECE = 2**16  # bytes; the C library asks the system for single pieces from 2**17 on


@pytest.fixture(scope="module")
def page(models: Path, pages: list[gr.Blocks]) -> Iterator[gr.Blocks]:
    """The page of the app, which remembers one result and looks after its memory all the time."""
    limits = Limits(result_megabytes=0.001)
    options = Options(port=free_port(), device="cpu", models_dir=models, limits=limits)
    stop, files = threading.Event(), Path(os.environ["GRADIO_TEMP_DIR"])
    with pytest.MonkeyPatch.context() as patch:
        for module in (memory, temporary):
            patch.setattr(module, "PERIOD", 0.1)
        app = threading.Thread(target=run, args=(options,), kwargs={"files": files, "stop": stop})
        app.start()
        wait_until(lambda: pages)
        yield pages[-1]
        stop.set()
        app.join()


def visit(visitor: Visitor) -> None:
    """A picture that nobody has sent before, and what a network sees in it."""
    noise = np.random.default_rng().integers(0, 256, (32, 32, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    (path,) = visitor.http.post("upload", files={"files": ("mine.png", file.getvalue())}).json()
    picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    assert '"labels"' in visitor.answer("analyse", picture, "vit_cifar10", 0.0, "")


def measure_lengths(page: gr.Blocks) -> dict[tuple[str, str], int]:
    """Return how much is in each collection that gradio holds, by its holder and its name."""
    holders = {"page": page, "app": page.app, "queue": page._queue, "sessions": page.state_holder}
    holders |= {f"component {number}": block for number, block in page.blocks.items()}
    return {
        (holder, name): len(value)
        for holder, one in holders.items()
        for name, value in vars(one).items()
        if isinstance(value, (dict, list, set))
    }


def test_nothing_grows_with_the_number_of_visits(page: gr.Blocks) -> None:
    """The path of each file that came or was made stayed in one or two sets."""
    visitor = Visitor(str(page.local_url))
    visit(visitor)
    before = measure_lengths(page)
    for _ in range(VISITS):
        visit(visitor)
    wait_until(lambda: all(length <= before.get(name, 0) for name, length in measure_lengths(page).items()))


@pytest.mark.skipif(memory.find_c_library() is None, reason="other C libraries do it by themselves")
def test_what_lies_free_between_two_results_goes_back_to_the_system(page: gr.Blocks) -> None:
    results = [torch.ones(PIECE, dtype=torch.uint8) for _ in range(2000)]
    before = read_resident(os.getpid())
    del results[::2]
    wait_until(lambda: before - read_resident(os.getpid()) > 0.8 * 1000 * PIECE / 2**20)
