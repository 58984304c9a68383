"""Where the page runs, its code can be had: a ZIP with all that it runs, and nothing else."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx2
import pytest

from tests.serving.visitors import PATIENCE
from vitdemo.serving import code
from vitdemo.serving.code import ADDRESS
from vitdemo.ui.about.foot import CODE

ROOT = Path(__file__).parents[2]


def test_nothing_hidden_and_no_link_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, secret = tmp_path / "vitdemo", tmp_path / "secret.json"
    (package / "ui" / ".idea").mkdir(parents=True)
    secret.write_text("{}")
    for name in ("own.py", ".env.json", "ui/.idea/x.json", "ui/page.js"):
        (package / name).write_text("")
    (package / "linked.json").symlink_to(secret)
    monkeypatch.setattr(code, "PACKAGE", package)
    with zipfile.ZipFile(io.BytesIO(code.pack_code.__wrapped__())) as archive:
        assert archive.namelist() == ["vitdemo/own.py", "vitdemo/ui/page.js"]


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
