"""Who may call the port, what is there, and what every answer forbids."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Any

import gradio as gr
import gradio.route_utils
import httpx
import pytest
from gradio.routes import App

from tests.alone import run_alone
from tests.api.networks import PICTURE
from tests.ports import free_port
from tests.serving.visitor import API, Call, Visitor
from tests.serving.visitors import FRIEND, PATIENCE
from vitdemo.engine import Engine
from vitdemo.engine.core.networks import Networks
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.serving.gate import Gate
from vitdemo.serving.headers import HEADERS
from vitdemo.serving.hosts import Hosts
from vitdemo.serving.options import Options
from vitdemo.serving.routes import is_open, name_route
from vitdemo.serving.server import do_nothing, launch
from vitdemo.ui import build
from vitdemo.ui.kit.assets import locate_module
from vitdemo.ui.kit.words import CRASHED, FULL

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "10.0.0.1", "", "[::2]", "a@b:x"]
)
def test_a_server_answers_only_to_its_names(url: str, host: str) -> None:
    """A stranger's name that resolves to this machine would let their page read the answers."""
    for method, path in (("GET", ""), ("GET", "config"), ("POST", f"{API}/call/models")):
        answer = httpx.request(method, f"{url}{path}", headers={"Host": host}, timeout=PATIENCE)
        assert answer.status_code in (400, 421)
        assert "access-control-allow-origin" not in answer.headers
    forwarded = httpx.get(url, headers={"X-Forwarded-Host": host or "evil.example"}, timeout=PATIENCE)
    assert forwarded.status_code == 421


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_pages_of_strangers_may_not_call(url: str, origin: str, method: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = httpx.request(method, f"{url}{API}/call/models", headers=headers, timeout=PATIENCE)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_pages_of_a_site_that_was_named_may_call_and_read(url: str, method: str) -> None:
    headers = {"Origin": FRIEND, "Access-Control-Request-Method": "POST"}
    body = {"data": []} if method == "POST" else None
    answer = httpx.request(method, f"{url}{API}/call/models", headers=headers, json=body, timeout=PATIENCE)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, FRIEND)
    assert "Origin" in answer.headers["vary"]


def test_the_page_itself_may_call(url: str) -> None:
    answer = httpx.post(
        f"{url}{API}/call/models", json={"data": []}, headers={"Origin": url.rstrip("/")}, timeout=PATIENCE
    )
    assert answer.status_code == 200


def list_routes(app: Any) -> Iterator[str]:
    """Yield the addresses that gradio knows, with an x for what stands in braces."""
    for route in app.routes:
        included = getattr(route, "original_router", None)
        for one in included.routes if included else [route]:
            yield re.sub(r"\{[^}]*\}", "x", one.path)


def test_what_the_page_does_not_need_is_not_there(url: str) -> None:
    with gr.Blocks() as page:
        pass
    found = {path for path in list_routes(App.create_app(page)) if not is_open(path)}
    for part in (
        "monitoring/summary",
        "proxy=",
        "vibe-code",
        "process_recording",
        "component_server",
        "dev/",
    ):
        assert any(part in path for path in found), part
    with httpx.Client(base_url=url, timeout=PATIENCE) as http:
        for answer in [http.request(method, path) for path in found for method in ("GET", "POST")]:
            assert answer.status_code == 404, answer.url
            assert answer.json() == {"detail": "There is nothing at this address."}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "", 200),
        ("GET", "config", 200),
        ("GET", locate_module("sidebar/link"), 200),
        ("GET", "monitoring", 404),
        ("GET", f"{API}/file=/etc/passwd", 404),
        ("POST", f"{API}/call/nothing", 404),
        ("POST", f"{API}/call/models", 422),
        ("POST", f"{API}/upload", 400),
    ],
)
def test_every_answer_has_its_status_and_the_headers(url: str, method: str, path: str, status: int) -> None:
    answer = httpx.request(
        method, f"{url}{path}", json={"data": [] if "nothing" in path else 1}, timeout=PATIENCE
    )
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "frame-ancestors 'self' https://huggingface.co" in answer.headers["content-security-policy"]


SESSION = "15e678bd-0e61-41f0-9aa2-503f52c2f671"  # as a page makes one up


@pytest.mark.parametrize("path", [f"heartbeat/{SESSION}", "call/v2/sweep/a1b2", "call/sweep/a1b2"])
def test_what_clients_use_is_there_and_the_log_says_nothing_of_them(path: str) -> None:
    assert is_open(f"/{API}/{path}")
    assert "a1b2" not in name_route(f"/{API}/{path}")


def test_a_request_may_not_be_too_large(models: Any) -> None:
    limits = Limits(request_megabytes=1, upload_megabytes=1)
    page = build(Engine(device="cpu", models_dir=models), limits=limits)
    launch(page, Options(limits=limits, port=free_port()))
    large = b"0" * (MEGABYTE + 1)

    def pieces() -> Iterator[bytes]:
        yield b'{"data": ["'
        yield from (large[start : start + 65536] for start in range(0, len(large), 65536))

    for content in (large, pieces()):  # announced, and not
        answer = httpx.post(
            f"{page.local_url}{API}/call/models", content=content, headers=JSON, timeout=PATIENCE
        )
        assert answer.status_code == 413
        assert answer.json() == {"detail": "The request is too large: the limit is 1 MB."}
    page.close()


def test_ready_once_a_model_has_answered_and_until_the_end() -> None:
    answered: list[bool] = []
    nobody = Hosts(frozenset(), frozenset(), False)
    gate = Gate(do_nothing, Limits(), nobody, lambda: bool(answered), lambda _: None)
    states = [read_status(gate, "/health"), read_status(gate, "/ready")]
    answered.append(True)
    states.append(read_status(gate, "/ready"))
    gate.stopping = True
    states += [read_status(gate, "/ready"), read_status(gate, "/health")]
    assert states == [200, 503, 200, 503, 200], "whatever the host is called"


def read_status(gate: Gate, path: str) -> int:
    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://pod") as client:
            return (await client.get(path)).status_code

    return run_alone(ask())


def test_an_error_of_a_handler_leaves_the_app_going(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Call(visitor.find_event("models"), [])
    for error, words in (
        (RuntimeError("/secret/file.png"), CRASHED),
        (MemoryError(), CRASHED),
        (OSError(errno.ENOSPC, "No space left on device", "/secret/file.png"), FULL),
    ):

        def broken(_: Networks, error: Exception = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(Networks, "menu", broken)
            (answer,) = visitor.ask(asked)
        assert words in answer
        assert "secret" not in answer
        assert '"dynamicvit_cifar10"' in visitor.ask(asked)[0]


def test_a_full_disk_refuses_uploads_and_results_and_the_app_goes_on(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/file.png")

    def upload() -> httpx.Response:
        return visitor.http.post(f"{API}/upload", files={"files": ("a.webp", PICTURE.read_bytes())})

    with monkeypatch.context() as patch:
        patch.setattr(gradio.route_utils, "NamedTemporaryFile", full)
        answer = upload()
    assert (answer.status_code, answer.json()) == (507, {"detail": FULL})
    answered = visitor.find_event("answer")
    (answer,) = visitor.ask(Call(answered, visitor.list_inputs(answered)))
    assert "headline" in answer
    with monkeypatch.context() as patch:
        patch.setattr("vitdemo.ui.kit.served.save_file_to_cache", full)
        patch.setattr("vitdemo.ui.sidebar.export.store_file", full)
        seen = [
            number for number, one in visitor.events.items() if one["api_name"].startswith(("look", "expand"))
        ]
        told = visitor.ask(*(Call(number, visitor.list_inputs(number)) for number in seen))
    assert sum(FULL in answer for answer in told) >= 1
    assert not any("secret" in answer for answer in told)
    assert upload().status_code == 200
