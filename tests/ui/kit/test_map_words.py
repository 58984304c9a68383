"""The words of both tabs of maps: every key that the browser asks for is there, and none that it does not."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from vitdemo.ui.kit.assets import ROOMS, read
from vitdemo.ui.kit.features.words import WORDS as FEATURES_WORDS
from vitdemo.ui.kit.language import say_both
from vitdemo.ui.tabs.attention.words import OPTIONS
from vitdemo.ui.tabs.attention.words import WORDS as ATTENTION_WORDS


@dataclass(frozen=True)
class Room:
    """A tab of maps, its `scripts` and its `markup`.

    `families`: beginnings of keys whose last part is one of these values of the state. `keys`: what else is
    asked for. `values`: what stands beside keys in the scripts, and is none.
    """

    scripts: Collection[Path]
    markup: str
    words: Mapping[str, str]
    families: Mapping[str, Collection[str]]
    keys: Collection[str]
    values: Collection[str] = ()

    def find_asked(self) -> set[str]:
        """Return the keys that the markup and the scripts ask for."""
        code = "".join(path.read_text(encoding="utf-8") for path in self.scripts)
        marked = set(re.findall(r'data-(?:word|name)="(\w+)"', read(self.markup)))
        said = set(re.findall(r'"(\w+)"', "".join(re.findall(r"say\(([^`\n{,]*)", code))))
        units = set(re.findall(r'unit: "(\w+)"', code))
        valued = {prefix + value for prefix, values in self.families.items() for value in values}
        return (marked | said | units | valued | set(self.keys)) - set(self.values)


ATTENTION = Room(
    [*(ROOMS / "tabs" / "attention").glob("*.js"), ROOMS / "kit" / "maps" / "words.js"],
    "tabs/attention/attention.html",
    ATTENTION_WORDS,
    families={
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
    },
    keys=("all_short",),
    values=("out",),
)
FEATURES = Room(
    [*(ROOMS / "kit" / "features").glob("*.js")],
    "kit/features/features.html",
    FEATURES_WORDS,
    families={
        "pass_": ("pruned", "dense"),
        "view_": ("components", "norms"),
        "patches_": ("smooth", "square"),
        "title_": ("components", "norms"),
    },
    keys=("patch",),  # by the words of all maps
)
BOTH = [pytest.param(ATTENTION, id="attention"), pytest.param(FEATURES, id="features")]


@pytest.mark.parametrize("room", BOTH)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_is_there_and_used(language: str, room: Room) -> None:
    words = say_both(room.words)[language]
    assert set(words) == room.find_asked()
    assert all(text.strip() for text in words.values())


@pytest.mark.parametrize("room", BOTH)
def test_the_markup_is_plain(room: Room) -> None:
    """Gradio would evaluate these signs, and words belong to the dictionaries."""
    markup = read(room.markup)
    assert not re.search(r"[$`\\{}]", markup)
    assert not re.sub(r"<[^>]*>", "", markup).strip()
