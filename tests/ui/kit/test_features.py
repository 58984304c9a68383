"""The words of features: every key that the browser asks for is there, and none that it does not."""

from __future__ import annotations

import re

import pytest

from vitdemo.ui.kit.assets import ROOMS, read
from vitdemo.ui.kit.features.words import WORDS
from vitdemo.ui.kit.language import say_both

CODE = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOMS / "kit" / "features").glob("*.js")))
MARKUP = read("kit/features/features.html")
# Families of keys whose last part is a value of the state.
FAMILIES = {
    "pass_": ("pruned", "dense"),
    "view_": ("components", "norms"),
    "patches_": ("smooth", "square"),
    "title_": ("components", "norms"),
}
KIT = {"patch"}  # what the words of all maps ask for


def find_asked() -> set[str]:
    marked = set(re.findall(r'data-(?:word|name)="(\w+)"', MARKUP))
    said = set(re.findall(r'"(\w+)"', "".join(re.findall(r"say\(([^`\n{,]*)", CODE))))
    units = set(re.findall(r'unit: "(\w+)"', CODE))
    valued = {prefix + value for prefix, values in FAMILIES.items() for value in values}
    return marked | said | units | valued | KIT


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_is_there_and_used(language: str) -> None:
    words = say_both(WORDS)[language]
    assert set(words) == find_asked()
    assert all(text.strip() for text in words.values())


def test_the_markup_is_plain() -> None:
    """gradio would evaluate these signs, and words belong to the dictionaries."""
    assert not re.search(r"[$`\\{}]", MARKUP)
    assert not re.sub(r"<[^>]*>", "", MARKUP).strip()
