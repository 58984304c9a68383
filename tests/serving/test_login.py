"""Behind a login nothing answers to strangers, guesses are slowed down, and whoever leaves is out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from gradio.routes import App

from tests.ports import free_port
from tests.serving.test_gate import list_routes
from tests.serving.visitor import API
from tests.serving.visitors import PATIENCE
from vitdemo.engine import Engine
from vitdemo.serving import login
from vitdemo.serving.options import parse
from vitdemo.serving.routes import is_open
from vitdemo.serving.server import launch
from vitdemo.ui import build

RIGHT = {"username": "me", "password": "pass:word"}
WRONG = {"username": "me", "password": "pass"}
TRIES = 3


@pytest.fixture(scope="module")
def url(models: Path) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITDEMO_AUTH", "me:pass:word")
        words = ["--port", str(free_port()), "--device", "cpu", "--login-tries", str(TRIES)]
        options = parse([*words, "--proxies", "127.0.0.1"])
    page = build(Engine(device="cpu", models_dir=models))
    launch(page, options)
    yield str(page.local_url)
    page.close()


def visit(url: str, address: str) -> httpx.Client:
    """Return somebody who comes from there, through a proxy that the operator has named."""
    return httpx.Client(base_url=url, headers={"X-Forwarded-For": address}, timeout=PATIENCE)


def test_no_route_answers_to_a_stranger(url: str) -> None:
    with gr.Blocks() as page:
        pass
    paths = {path for path in list_routes(App.create_app(page)) if is_open(path)}
    behind = {path for path in paths if path.startswith(("/gradio_api/", "/config"))}
    behind.remove("/gradio_api/startup-events")  # by which gradio sees that it has started
    assert len(behind) > 25
    with visit(url, "1.1.1.1") as http:
        for path in behind:
            for method in ("GET", "POST"):
                answer = http.request(method, path, json={})
                assert (answer.status_code, answer.json()) == (401, {"detail": "Please log in first."}), path
        assert http.get("module/link.js").status_code == 401
        assert http.get("theme.css").status_code == 200


def test_the_door_tells_nothing_of_what_is_behind(url: str) -> None:
    with visit(url, "1.1.1.2") as http:
        door = http.get("")
        assert '"auth_required":true' in door.text.replace(" ", "")
        assert re.search(r"gradio_api_info = \{\};", door.text)
        assert not [word for word in ("analyse", "airplane", "dynamicvit", "pruning") if word in door.text]
        http.post("login", data=RIGHT)
        assert "pruning" in http.get("").text


def test_who_guesses_must_wait_a_minute(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with visit(url, "2.2.2.1") as guesser, visit(url, "2.2.2.2") as other:
        clock = [time.monotonic()]
        monkeypatch.setattr(login, "time", SimpleNamespace(monotonic=lambda: clock[0]))
        said = [guesser.post("login", data=WRONG) for _ in range(TRIES + 1)]
        assert [answer.status_code for answer in said] == [400] * TRIES + [429]
        assert said[-1].json() == {
            "detail": "There were too many wrong passwords; please try again in a minute."
        }
        assert said[-1].headers["retry-after"] == "60"
        assert guesser.post("login", data=RIGHT).status_code == 429, "not told from wrong ones"
        assert other.post("login", data=RIGHT).status_code == 200
        clock[0] += 61
        assert guesser.post("login", data=RIGHT).status_code == 200
        said = [guesser.post("login", data=WRONG) for _ in range(TRIES)]
        assert {answer.status_code for answer in said} == {400}, "who has given the right one begins anew"


def test_who_logs_out_is_out_on_this_machine_only(url: str) -> None:
    with visit(url, "3.3.3.1") as here, visit(url, "3.3.3.2") as there:
        for http in (here, there):
            assert http.post("login", data=RIGHT).status_code == 200
            assert http.get("config").status_code == 200
        cookies = dict(here.cookies)
        assert here.get("logout").status_code == 302
        assert not here.cookies
        assert httpx.get(f"{url}{API}/user", cookies=cookies, timeout=PATIENCE).status_code == 401, (
            "worthless"
        )
        assert there.get("config").status_code == 200
