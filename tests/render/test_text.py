"""Words inside pictures: in the visitor's language, whole, and with letters that the fonts have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image

from vitdemo import render
from vitdemo.message import SPOKEN, Message
from vitdemo.render.text import CHINESE, draw_caption, load_font, respell, wrap
from vitdemo.ui.kit.language import CLASSES, find_catalogues, read_chinese

PUNCTUATION = tuple("，。：；、）》”％")


@contextmanager
def answer_in_chinese() -> Iterator[None]:
    def translated(text: str) -> str:
        return read_chinese()[text.template].format(**text.gaps) if isinstance(text, Message) else text

    token = SPOKEN.set(translated)
    yield
    SPOKEN.reset(token)


def test_a_caption_is_said_in_the_language_of_the_visitor() -> None:
    message = Message("Input: {count} patches", count=64)
    english = draw_caption(message, 448)
    with answer_in_chinese():
        assert respell(message) == "输入：64 个图像块"
        assert draw_caption(message, 448).tobytes() != english.tobytes()
    assert (
        draw_caption(message, 448).tobytes()
        == english.tobytes()
        == draw_caption("Input: 64 patches", 448).tobytes()
    )


def test_a_figure_changes_nothing_but_its_words() -> None:
    view, heat = Image.new("RGB", (448, 448), "teal"), np.eye(8)
    scale = render.share_scale([heat], label=Message("attention weight"))
    english = render.draw_heat(view, heat, scale=scale)
    with answer_in_chinese():
        ours = render.draw_heat(view, heat, scale=scale)
    assert ours.crop((0, 0, 448, 448)).tobytes() == english.crop((0, 0, 448, 448)).tobytes()
    assert ours.tobytes() != english.tobytes()


@pytest.mark.parametrize("width", [90, 200, 448])
def test_chinese_breaks_between_characters_and_no_line_begins_with_punctuation(width: int) -> None:
    text = "注意力展开（rollout）把读取的内容沿所有层追溯回去：越亮的图像块，贡献越大。"
    lines = wrap(text, width, 20)
    assert "".join(lines) == text
    assert not [line for line in lines if line.startswith(PUNCTUATION)]
    assert all(
        load_font(20, text).getlength(line) <= width + 20 for line in lines
    )  # punctuation may hang over


def test_the_font_has_every_letter_that_the_page_says() -> None:
    """`python -m tools.letters` makes it anew where one is missing."""
    known = set(TTFont(CHINESE).getBestCmap() or ())
    said = {
        letter
        for file in (*find_catalogues(), CLASSES)
        for words in json.loads(file.read_text("utf-8")).values()
        for letter in words
    }
    assert {letter for letter in said if ord(letter) not in known and letter != "\n"} == set()


def test_the_font_comes_with_its_licence() -> None:
    words = Path(CHINESE).with_suffix(".txt").read_text(encoding="utf-8")
    assert "Noto Sans CJK" in words
    assert "SIL OPEN FONT LICENSE" in words
