"""The limits in one place: command line, environment, SECURITY.md and the running app say the same."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.server import ROOT
from tests.ports import free_port
from tests.serving.visitor import API
from tests.serving.visitors import PATIENCE
from vitdemo.engine import Engine
from vitdemo.limits import DEFAULTS, MAY_BE_0, Limits
from vitdemo.serving.options import parse
from vitdemo.serving.server import launch
from vitdemo.ui import build

FIELDS = [field.name for field in dataclasses.fields(Limits)]


@pytest.mark.parametrize("name", FIELDS)
def test_each_limit_is_an_option_and_a_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    option = f"--{name.replace('_', '-')}"
    assert getattr(parse([]).limits, name) == getattr(DEFAULTS, name)
    assert getattr(parse([option, "7"]).limits, name) == 7
    monkeypatch.setenv(f"VITDEMO_{name.upper()}", "8")
    assert getattr(parse([]).limits, name) == 8
    assert getattr(parse([option, "7"]).limits, name) == 7, "what is typed counts more"


@pytest.mark.parametrize("name", FIELDS)
def test_a_limit_is_a_number_above_0(name: str) -> None:
    wrong: list[Any] = [-1] if name in MAY_BE_0 else [-1, 0]
    if isinstance(getattr(DEFAULTS, name), float):
        wrong += [math.nan, math.inf]
    for value in wrong:
        with pytest.raises(ValueError, match=rf"^{name} must be a number above 0, got {value}$"):
            dataclasses.replace(DEFAULTS, **{name: value})


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("VITDEMO_SESSIONS", "many", "argument --sessions: invalid int value: 'many'"),
        ("VITDEMO_SESSIONS", "0", "sessions must be a number above 0, got 0"),
        ("VITDEMO_KEPT_SECONDS", "nan", "kept_seconds must be a number above 0, got nan"),
        ("VITDEMO_AUTH", "me", "VITDEMO_AUTH must be user:password"),
        ("VITDEMO_AUTH", "", "VITDEMO_AUTH must be user:password"),
    ],
)
def test_what_makes_no_sense_ends_the_program_with_one_sentence(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as stopped:
        parse([])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"error: {words}")


def test_a_login_and_mcp_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gradio's tools would let everybody in."""
    monkeypatch.setenv("VITDEMO_AUTH", "me:secret")
    with pytest.raises(SystemExit):
        parse(["--mcp"])
    assert "leave one of --mcp and VITDEMO_AUTH out" in capsys.readouterr().err


def test_networks_are_named_by_the_command_line_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VITDEMO_MODELS", "me/mine, vit_tiny_patch16_224")
    assert parse([]).models == ("me/mine", "vit_tiny_patch16_224")
    assert parse(["--model", "a/b", "--model", "folder"]).models == ("a/b", "folder")
    with pytest.raises(SystemExit):
        parse(["--alone", "--share"])
    assert "leave one of --alone and --share out" in capsys.readouterr().err


def test_help_names_every_limit_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    words = " ".join(capsys.readouterr().out.split())
    for field in dataclasses.fields(Limits):
        assert f"--{field.name.replace('_', '-')} N {field.metadata['words']}" in words
        assert f"(default: {field.default})" in words


def test_the_table_in_the_policy_is_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| (.+) \|$", (ROOT / "SECURITY.md").read_text("utf-8"), re.M)
    wanted = [(one.name, str(one.default), one.metadata["words"]) for one in dataclasses.fields(Limits)]
    assert rows == wanted


def test_the_policy_names_tests_that_exist() -> None:
    policy = (ROOT / "SECURITY.md").read_text("utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", policy))
    assert len(named) > 12
    for path, test in named:
        assert f"def {test}" in (ROOT / path).read_text("utf-8"), (path, test)


def test_a_login_is_asked_for(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VITDEMO_AUTH", "me:pass:word")
    options = parse(["--port", str(free_port()), "--device", "cpu"])
    page = build(Engine(device="cpu", models_dir=models))
    launch(page, options)
    with httpx.Client(base_url=str(page.local_url), timeout=PATIENCE) as http:
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("GET", "config", {}),
            ("GET", f"{API}/info", {}),
            ("GET", f"{API}/file={next(page.list_first())}", {}),
            ("POST", f"{API}/call/models", {"json": {"data": []}}),
            ("POST", f"{API}/run/predict", {"json": {"data": [], "fn_index": 0}}),
            ("POST", f"{API}/queue/join", {"json": {"data": [], "fn_index": 0, "session_hash": "a"}}),
            ("POST", f"{API}/upload", {"files": {"files": b"a"}}),
        ]
        assert {http.request(method, path, **more).status_code for method, path, more in calls} == {401}
        assert "airplane" not in http.get("").text
        wrong = {"username": "me", "password": "pass"}
        assert http.post("login", data=wrong).status_code == 400
        assert http.post("login", data={**wrong, "password": "pass:word"}).status_code == 200
        assert http.get("config").status_code == 200
    page.close()
