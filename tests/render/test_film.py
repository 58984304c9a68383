"""The animation, decoded again: order, times, pictures and captions."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from vitdemo.render.film import HOLD, LAST, encode_gif
from vitdemo.render.palette import PAPER
from vitdemo.render.text import draw_caption


def draw_smooth(seed: int, size: tuple[int, int]) -> Image.Image:
    """Few colours in large areas, as a palette of 256 can show them."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.NEAREST)


def decode(data: bytes) -> list[tuple[Image.Image, int]]:
    with Image.open(io.BytesIO(data)) as gif:
        assert gif.format == "GIF"
        assert gif.info["loop"] == 0
        return [(frame.convert("RGB"), frame.info["duration"]) for frame in ImageSequence.Iterator(gif)]


def test_frames_are_the_captioned_pictures_in_order() -> None:
    names = ["Input: 64 patches", "Stage 1: 44 of 64 patches", "Stage 2: 31 of 64 patches"]
    pictures = [draw_smooth(seed, (300, 200)) for seed in range(3)]
    frames = decode(encode_gif(list(zip(names, pictures, strict=True))))
    assert [duration for _, duration in frames] == [HOLD, HOLD, LAST]
    for (frame, _), name, picture in zip(frames, names, pictures, strict=True):
        words = draw_caption(name, 300)
        assert frame.size == (300, 200 + words.height)
        found = np.asarray(frame).astype(int)
        assert np.abs(found[:200] - np.asarray(picture).astype(int)).mean() < 3
        assert np.abs(found[200:] - np.asarray(words).astype(int)).mean() < 3


def test_large_pictures_are_reduced_and_smaller_ones_padded_with_paper() -> None:
    frames = decode(
        encode_gif([("a", draw_smooth(0, (900, 450))), ("b", draw_smooth(1, (50, 40)))], edge=300)
    )
    height = 150 + draw_caption("a", 300).height
    assert [frame.size for frame, _ in frames] == [(300, height)] * 2
    second = np.asarray(frames[1][0])
    assert (np.abs(second[:, 60:].astype(int) - PAPER) <= 3).all()
    assert np.abs(second[:40, :50].astype(int) - np.asarray(draw_smooth(1, (50, 40))).astype(int)).mean() < 3


def test_a_noisy_photo_stays_below_a_megabyte() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    photo = Image.fromarray(noise).resize((448, 448), Image.Resampling.BICUBIC)
    assert len(encode_gif([(str(stage), photo.rotate(90 * stage)) for stage in range(4)])) < 10**6


def test_without_frames_there_is_nothing_to_show() -> None:
    with pytest.raises(ValueError, match="frames"):
        encode_gif([])
