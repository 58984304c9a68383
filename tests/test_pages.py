"""README.zh.md says what README.md says, and what the pages for people name and link exists."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

FEWEST_NAMES = {"vit.md": 31, "vit.zh.md": 31}


def cut_blocks(name: str) -> list[str]:
    """Return what stands between empty lines, without the front matter and the marks of a table."""
    text = (ROOT / name).read_text(encoding="utf-8").partition("# vitdemo")[2]
    return re.split(r"\n{2,}", re.sub(r"^<!-- .*\n", "", text, flags=re.MULTILINE).strip())


def reduce_block(block: str) -> tuple[Any, ...]:
    """Return what a translation leaves as it is."""
    if block.startswith("```"):
        return tuple(line.partition("#")[0].strip() for line in block.splitlines())
    rows = [line for line in block.splitlines() if line.startswith("|")]
    return (
        re.findall(r"^(?:#+ |- |\||!\[)", block, flags=re.MULTILINE),
        Counter(re.findall(r"`[^`]+`", block)),
        Counter(link.replace(".zh.md", ".md") for link in re.findall(r"\]\(([^)]+)\)", block)),
        [Counter(re.findall(r"\d(?:[\d,.]*\d)?", row)) for row in rows],
    )


def test_both_languages_have_the_same_blocks() -> None:
    english, chinese = cut_blocks("README.md"), cut_blocks("README.zh.md")
    assert len(english) > 25
    for one, other in zip(english[1:], chinese[1:], strict=True):
        if "](README" in one:
            assert (one, other) == ("[中文](README.zh.md)", "[English](README.md)")
        assert reduce_block(one) == reduce_block(other), f"{one}\n{other}"
        assert one.startswith(("```", "[")) or re.search(r"[\u4e00-\u9fff]", other), other


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def is_missing(name: str) -> bool:
    """Return whether a module, or what a module holds, cannot be found by its dotted name."""
    module, *rest = name.split(".")
    found: Any = importlib.import_module(module)
    try:
        for part in rest:
            module = f"{module}.{part}"
            found = getattr(found, part) if hasattr(found, part) else importlib.import_module(module)
    except ModuleNotFoundError:
        return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_and_file_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = re.findall(r"`((?:vitdemo|train|tools|tests)(?:\.\w+)+)`", text)
    assert len(names) >= FEWEST_NAMES.get(page.name, 0)
    assert [name for name in names if is_missing(name)] == []
    files = re.findall(r"`((?:vitdemo|train|tools|tests|docs|checkpoints|\.github)/[^`<\s]*)`", text)
    assert [file for file in files if not list(ROOT.glob(file.partition("::")[0]))] == []
    for file, test in re.findall(r"`([^`\s]+\.py)::(\w+)`", text):
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"
