"""Where the page runs, its code can be had: a ZIP with all that it runs, and nothing else."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx2

from tests.serving.visitors import PATIENCE
from vitdemo.serving.code import ADDRESS
from vitdemo.ui.about.foot import CODE

ROOT = Path(__file__).parents[2]


def test_the_foot_leads_to_the_code_that_runs(url: str) -> None:
    assert f"/{CODE}" == ADDRESS
    answer = httpx2.get(f"{url}{CODE}", timeout=PATIENCE)
    assert answer.headers["content-type"] == "application/zip"
    assert "vitdemo.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        scripts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "vitdemo").rglob("*.py")}
        assert scripts < names
        assert {"LICENSE", "vitdemo/ui/answer.js", "vitdemo/ui/zh.json"} < names
        for name in names:
            assert archive.read(name) == (ROOT / name).read_bytes()
    assert len(answer.content) < 2_000_000
