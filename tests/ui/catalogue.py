"""What the sources say: the texts that the page asks the catalogue for, and the engine's Messages."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
UI = sorted(path for room in ("ui", "serving") for path in (ROOT / "vitdemo" / room).rglob("*.py"))
ENGINE = [path for path in sorted((ROOT / "vitdemo").rglob("*.py")) if path not in UI]
TAKES_KEYS = {"say", "say_html", "label", "both", "heading", "remark", "figure"}
ENGLISH = re.compile(r"[A-Za-z][A-Za-z'’-]*(?: [A-Za-z][A-Za-z'’-]*){2,}")  # three words and more


def name_module(path: Path) -> ModuleType:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


def find_asked(path: Path) -> set[str]:
    """Return every text that a call in the file gives to the catalogue, as far as the call itself tells."""
    module, found = name_module(path), set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TAKES_KEYS:
            found |= {text for argument in node.args for text in list_texts(argument, module)}
    return found - {""}


def list_texts(node: ast.expr, module: ModuleType) -> Iterator[str]:
    """Yield the texts that an argument can be: a literal, either branch, or a constant of a module."""
    if isinstance(node, ast.Constant):
        yield from flatten(node.value)
    elif isinstance(node, ast.IfExp):
        yield from (*list_texts(node.body, module), *list_texts(node.orelse, module))
    elif isinstance(node, ast.Subscript):
        whole = find_constant(node.value, module)
        one = node.slice.value if isinstance(node.slice, ast.Constant) else None
        yield from flatten(whole[one] if isinstance(whole, dict) and one in whole else whole)
    else:
        yield from flatten(find_constant(node, module))


def find_constant(node: ast.expr, module: ModuleType) -> Any:
    """Return the value of NAME or module.NAME; None for what only a run would tell."""
    if isinstance(node, ast.Name):
        return getattr(module, node.id, None) if node.id.isupper() else None
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return getattr(getattr(module, node.value.id, None), node.attr, None) if node.attr.isupper() else None
    return find_constant(node.value, module) if isinstance(node, ast.Subscript) else None


def flatten(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, tuple, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from flatten(part)


@cache
def find_written() -> frozenset[str]:
    """Return every string in the files of the page."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in UI)
    nodes = (node for tree in trees for node in ast.walk(tree))
    return frozenset(
        node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@cache
def find_messages() -> frozenset[str]:
    """The template of every Message that is made outside of the page; it must be written where it is used."""
    found = set()
    for path in ENGINE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Message":
                template = node.args[0]
                assert isinstance(template, ast.Constant), f"{path}, line {node.lineno}"
                found.add(template.value)
    return frozenset(found)


def find_english(text: str, *, allowed: tuple[str, ...] = ()) -> list[str]:
    """Runs of three and more English words in `text`, which has no tags; `allowed` phrases do not count."""
    for phrase in allowed:
        text = text.replace(phrase, "·")
    return ENGLISH.findall(text)
