"""The Attention tab's words: every key that the browser asks for is there, and none that it does not."""

from __future__ import annotations

import re

import pytest

from vitdemo.engine.look import RATIOS
from vitdemo.maps import ATTENTION_METHODS
from vitdemo.ui.kit.assets import ROOMS, locate_module, read
from vitdemo.ui.kit.language import say_both
from vitdemo.ui.tabs.attention.words import OPTIONS, WORDS

ROOM = ROOMS / "tabs" / "attention"
SHARED = ROOMS / "kit" / "maps" / "words.js"  # by which both tabs of maps call a patch
CODE = "".join(path.read_text(encoding="utf-8") for path in (*sorted(ROOM.glob("*.js")), SHARED))
MARKUP = read("tabs/attention/attention.html")
# Families of keys whose last part is a value of the state.
FAMILIES = {
    "method_": OPTIONS,
    "summary_": OPTIONS,
    "unit_": OPTIONS,
    "direction_": ("out", "in"),
    "pass_": ("pruned", "dense"),
    "during_": ("pruned", "dense"),
    "fusion_": ("mean", "max", "min"),
    "scale_": ("own", "shared"),
    "colours_": ("values", "heads"),
    "patches_": ("smooth", "square"),
    "ends_": ("own", "top", "shared", "each"),
    "start_": ("out", "in"),
}


def find_asked() -> set[str]:
    marked = set(re.findall(r'data-(?:word|name)="(\w+)"', MARKUP))
    said = set(re.findall(r'"(\w+)"', "".join(re.findall(r"say\(([^`\n]*)", CODE)))) - {
        "out",
        "all",
    }  # values
    valued = {prefix + value for prefix, values in FAMILIES.items() for value in values}
    return marked | said | valued | {"all_short"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_is_there_and_used(language: str) -> None:
    words = say_both(WORDS)[language]
    assert set(words) == find_asked()
    assert all(text.strip() for text in words.values())


def test_the_scripts_compute_the_methods_that_they_are_said_to() -> None:
    """And know of each whether it is of one layer, and whether it goes through the layers below."""
    found = re.findall(r'"([\w-]+)": \{ single: (\w+), followed: (\w+), map', CODE)
    assert {key for key, _, _ in found} == set(OPTIONS) <= set(ATTENTION_METHODS)
    for key, single, followed in found:
        assert single == str("layer" in OPTIONS[key]).lower(), key
        assert followed == str("discard_ratio" in OPTIONS[key]).lower(), key


def test_the_markup_is_plain() -> None:
    """gradio would evaluate these signs, and words belong to the dictionaries."""
    assert not re.search(r"[$`\\{}]", MARKUP)
    assert not re.sub(r"<[^>]*>", "", MARKUP).strip()


def test_other_code_has_another_address() -> None:
    address = locate_module("tabs/attention/attention")
    assert re.fullmatch(r"module/[0-9a-f]{12}/tabs/attention/attention\.js", address)


def test_no_module_is_longer_than_250_lines() -> None:
    for path in ROOM.glob("*.*"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 250, path.name


def test_the_cut_offs_are_those_of_the_slider() -> None:
    first, last, step = map(
        int, re.findall(r'min="(\d+)" max="(\d+)" step="(\d+)" data-control="discard_ratio"', MARKUP)[0]
    )
    assert [percent / 100 for percent in range(first, last + 1, step)] == [0, *RATIOS]
