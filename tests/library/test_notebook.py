"""docs/library.ipynb runs from top to bottom, and shows pictures where it says so."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "library.ipynb"


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell and return what its last expression gives, as a notebook shows it; None without one."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), NOTEBOOK.name, "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)


def test_it_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    names: dict[str, Any] = {}
    sources = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shown = [run_cell(source, names) for source in sources]
    pictures = [one._repr_png_() for one in shown if hasattr(one, "_repr_png_")]
    assert len(pictures) == 3
    assert all(content.startswith(b"\x89PNG") for content in pictures)
    assert names["found"].label == "cat"
    assert len(names["rows"]) == len(list(names["photo"].parent.glob("*.webp")))
    files = {path.name for path in tmp_path.iterdir()}
    assert files == {"map.png", "map.svg", "map.csv", "map.npz", "report.html", "table.csv"}
