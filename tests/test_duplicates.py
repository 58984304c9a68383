"""Nothing is written twice: no two places of the tree share six lines to the letter."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES = 6
PLACES = ("", "docs/**/", "tests/**/", "tools/**/", "train/**/", "vitdemo/**/")
ENDINGS = ("py", "toml", "js", "mjs", "css", "html", "md")
FILES = sorted({path for place in PLACES for ending in ENDINGS for path in ROOT.glob(f"{place}*.{ending}")})
# In one line or in parentheses over several: who needs the same names imports the same.
IMPORTS = re.compile(r"^(from \S+ )?import [^(\n]*(\([^)]*\))?.*\n", re.MULTILINE)

Place = tuple[str, int]


def walk_windows(name: str, text: str) -> Iterator[tuple[tuple[str, ...], Place]]:
    """Yield each six lines that follow one another, but for blank ones and imports, and where they begin."""
    text = IMPORTS.sub(lambda found: "\n" * found[0].count("\n"), text)
    lines = [(line.strip(), number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for start in range(len(lines) - LINES + 1):
        shown = lines[start : start + LINES]
        yield tuple(line for line, _ in shown), (name, shown[0][1])


def find_repeated(texts: dict[str, str]) -> list[list[Place]]:
    """Return the places of each six lines that more than one place has."""
    places: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for name, text in texts.items():
        for lines, place in walk_windows(name, text):
            places[lines].append(place)
    return [found for found in places.values() if len(found) > 1]


def test_no_six_lines_stand_twice() -> None:
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in FILES}
    assert len(texts) > 500
    assert not find_repeated(texts)


@pytest.mark.parametrize(
    ("second", "found"),
    [
        ("x\n\n1\n2\n3\n4\n5\n6\n", [[("a", 4), ("b", 3)]]),
        ("x\n1\n2\n3\n4\n5\nother\n6\n", []),
        ("import os\n  1\n2\n3\n\n4\n5\n6\n", [[("a", 4), ("b", 2)]]),
    ],
)
def test_six_lines_are_found_whatever_stands_between(second: str, found: list[list[Place]]) -> None:
    first = "from os import (\n    path,\n)\n1\n2\n3\nimport re\n4\n5\n6\nend\n"
    assert find_repeated({"a": first, "b": second}) == found
