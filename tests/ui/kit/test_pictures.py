"""Pictures of equal content share a file in gradio's cache, and somebody may be reading it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from vitdemo.ui.kit.components import figure, gallery

ROUNDS = 100


@pytest.fixture
def noise() -> Image.Image:
    """1 MB, so that writing it takes a while."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8))


def find_path(shown: Any) -> Path:
    """Of the (first) picture of what a component tells the browser."""
    return Path(shown.root[0].image.path if hasattr(shown, "root") else shown.path)


@pytest.mark.parametrize("many", [False, True])
def test_a_picture_that_is_shown_again_is_whole_for_those_who_read_it(noise: Image.Image, many: bool) -> None:
    component: Any = gallery(columns=1) if many else figure("noise")
    value = [(noise, "noise")] if many else noise
    path = find_path(component.postprocess(value))
    whole = path.read_bytes()
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(noise))
    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(component.postprocess, value) for _ in range(ROUNDS // 10)]
        read = [path.read_bytes() for _ in range(ROUNDS)]
        assert {find_path(one.result()) for one in writing} == {path}
    assert all(content == whole for content in read)


def test_pictures_look_to_the_browser_like_those_of_gradio(noise: Image.Image, tmp_path: Path) -> None:
    file = tmp_path / "noise.png"
    noise.save(file)
    trials: list[tuple[Any, Any, Any]] = [
        (figure("noise"), gr.Image(format="png"), None),
        (gallery(columns=1), gr.Gallery(format="png"), None),
        (figure("noise"), gr.Image(), str(file)),
        (gallery(columns=1), gr.Gallery(), [str(file)]),
        (gallery(columns=1), gr.Gallery(), [(str(file), "noise")]),
    ]
    for ours, theirs, value in trials:
        assert ours.postprocess(value) == theirs.postprocess(value)
        assert ours.get_block_name() == theirs.get_block_name()
