"""`python app.py --mcp`: the public endpoints as tools, asked by the real MCP client over HTTP."""

from __future__ import annotations

import base64
import json
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
import httpx
import pytest
from gradio_client import Client
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.alone import run_alone
from tests.api.networks import DYNAMIC, PICTURE
from tests.api.test_endpoints import PARAMETERS
from tests.ports import free_port
from vitdemo.engine import Engine, Request
from vitdemo.engine.answers.lab import Lab
from vitdemo.serving.options import parse
from vitdemo.serving.server import launch
from vitdemo.serving.tools import UNFIT
from vitdemo.ui import build

T = TypeVar("T")
ROUTE = "gradio_api/mcp/"


@pytest.fixture(scope="module")
def server(models: Path) -> Iterator[str]:
    """The address of the MCP server of a page, started as the app starts it."""
    words = ["--mcp", "--device", "cpu", "--host", "127.0.0.1", "--port", str(free_port())]
    page = build(Engine(device="cpu", models_dir=models))
    launch(page, parse(words))
    yield f"{page.local_url}{ROUTE}"
    page.close()


def run_session(server: str, use: Callable[[ClientSession], Awaitable[T]]) -> T:
    async def run() -> T:
        async with (
            streamable_http_client(server) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await use(session)

    return run_alone(run())


def call(server: str, tool: str, **given: Any) -> tuple[bool, str]:
    """Return whether the tool failed, and its text."""
    picture = "data:image/webp;base64," + base64.b64encode(PICTURE.read_bytes()).decode("ascii")
    result: Any = run_session(server, lambda session: session.call_tool(tool, {"image": picture, **given}))
    (content,) = result.content
    assert result.isError or result.structuredContent == json.loads(content.text)
    return result.isError, content.text


def test_the_tools_are_the_public_endpoints(server: str) -> None:
    tools: Any = run_session(server, lambda session: session.list_tools())
    taken = {f"/{tool.name}": list(tool.inputSchema["properties"]) for tool in tools.tools}
    assert taken == PARAMETERS
    for tool in tools.tools:
        assert tool.outputSchema == {"type": "object"}
        assert "Returns:" in tool.description
        for name, schema in tool.inputSchema["properties"].items():
            assert len(schema["description"]) > 20, name
            assert schema["type"] == ("number" if name in NUMBERS else "string"), name
        assert tool.inputSchema.get("required", []) == (["image"] if tool.name != "models" else [])


NUMBERS = {"pruning_ratio", "layer", "head", "discard_ratio", "query"}


def test_a_tool_gives_the_numbers_of_the_engine(server: str, models: Path) -> None:
    failed, text = call(server, "class_map", pruning_ratio=0.5, class_name="frog", method="chefer")
    assert not failed
    answer = json.loads(text)
    engine = Engine(device="cpu", models_dir=models)
    result = engine.open(Request(PICTURE, DYNAMIC, 0.5))
    expected = result.class_map("frog", method="chefer")
    assert len(answer["values"]) == 4
    for row, wanted in zip(answer["values"], expected.values, strict=True):
        assert row == pytest.approx(list(wanted), rel=1e-4)
    assert (answer["class"], answer["selector"]) == ("frog", "learned")


def test_a_tool_tells_what_is_wrong_in_one_sentence(server: str) -> None:
    failed, text = call(server, "class_map", class_name="owl")
    assert failed
    assert text.startswith("class must be one that dynamicvit_cifar10 knows, got 'owl'; it knows airplane, ")


def ask_as(server: str, tool: str, *, caller: str, **given: Any) -> str:
    """Return the tool's text, for a caller whom a named proxy has seen there."""
    picture = "data:image/webp;base64," + base64.b64encode(PICTURE.read_bytes()).decode("ascii")
    call = {"name": tool, "arguments": {"image": picture, **given}}
    answer = httpx.post(
        server,
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call},
        headers={"Accept": "application/json, text/event-stream", "X-Forwarded-For": caller},
        timeout=60,
    )
    (line,) = [line for line in answer.text.splitlines() if line.startswith("data: {")]
    return json.loads(line.removeprefix("data: "))["result"]["content"][0]["text"]


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("analyse", {"image": "data:image/png;base64,AAA"}),
        ("analyse", {"image": "/etc/passwd"}),
        ("analyse", {"image": 7}),
        ("analyse", {"pruning_ratio": "a lot"}),
        ("analyse", {"colour": "red"}),
        ("nothing", {}),
    ],
)
def test_arguments_that_do_not_fit_are_one_sentence(server: str, tool: str, given: dict[str, Any]) -> None:
    assert ask_as(server, tool, caller="1.1.1.1", **given) == UNFIT


def test_each_caller_has_a_limit_of_their_own(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, begun, done = Engine(device="cpu", models_dir=models), threading.Event(), threading.Event()

    def long(*_: Any, **__: Any) -> None:
        begun.set()
        done.wait(60)
        raise ValueError("the job is done")

    monkeypatch.setattr(Lab, "sweep", long)
    words = ["--mcp", "--port", str(free_port()), "--client-requests", "1", "--proxies", "127.0.0.1"]
    words += ["--upload-megabytes", "1"]
    options = parse(words)
    page = build(engine, limits=options.limits)
    launch(page, options)
    server = f"{page.local_url}{ROUTE}"
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask_as, server, "sweep", caller="1.1.1.1")
        assert begun.wait(60)
        refused = "1 of your requests are waiting or running; the next one must wait for one of them."
        assert ask_as(server, "analyse", caller="1.1.1.1") == refused
        assert "labels" in ask_as(server, "analyse", caller="2.2.2.2")
        large = "data:image/png;base64," + "A" * (2 * 2**20)
        said = ask_as(server, "analyse", caller="3.3.3.3", image=large)
        assert said == "The picture is too large: the limit is 1 MB."
        done.set()
        assert first.result() == "the job is done."
    page.close()


def test_a_page_without_uploads_has_no_tools(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(["--mcp", "--read-only"])
    assert stopped.value.code == 2
    assert "error: --mcp takes pictures: leave one of --mcp and --read-only out" in capsys.readouterr().err


def find_status(url: str) -> int:
    """Of a JSON-RPC call."""
    request = urllib.request.Request(
        url,
        data=b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}',
        headers={"Content-Type": "application/json", "Accept": "application/json, text/event-stream"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_without_the_flag_there_is_no_such_route(server: str, client: Client) -> None:
    assert find_status(server) == 200
    assert find_status(f"{client.src}{ROUTE}") in (404, 405)


def test_without_the_flag_gradio_decides_and_without_the_package_it_is_told(
    models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: dict[str, Any] = {}

    def noted(_: gr.Blocks, **options: Any) -> None:
        given.update(options)
        raise InterruptedError

    monkeypatch.setattr(gr.Blocks, "launch", noted)
    with pytest.raises(InterruptedError):
        launch(build(Engine(device="cpu", models_dir=models)), parse([]))
    assert given["mcp_server"] is None, "GRADIO_MCP_SERVER counts, as on a Space"
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(SystemExit) as stopped:
        parse(["--mcp"])
    assert stopped.value.code == 2
    assert 'error: --mcp needs the package mcp: pip install "gradio[mcp]"\n' in capsys.readouterr().err
