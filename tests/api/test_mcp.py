"""`python app.py --mcp`: the public endpoints as tools, asked by the real MCP client over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
import pytest
from gradio_client import Client
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from tests.api.networks import DYNAMIC, PICTURE
from tests.api.test_endpoints import PARAMETERS
from tests.browser.server import free_port
from vitdemo.engine import Engine, Request
from vitdemo.serving.options import parse
from vitdemo.serving.server import launch
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


def in_session(server: str, use: Callable[[ClientSession], Awaitable[T]]) -> T:
    async def run() -> T:
        async with (
            streamable_http_client(server) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await use(session)

    return asyncio.run(run())


def call(server: str, tool: str, **given: Any) -> tuple[bool, str]:
    """Whether the tool failed, and its text."""
    picture = "data:image/webp;base64," + base64.b64encode(PICTURE.read_bytes()).decode("ascii")
    result: Any = in_session(server, lambda session: session.call_tool(tool, {"image": picture, **given}))
    (content,) = result.content
    assert result.isError or result.structuredContent == json.loads(content.text)
    return result.isError, content.text


def test_the_tools_are_the_public_endpoints(server: str) -> None:
    tools: Any = in_session(server, lambda session: session.list_tools())
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


def status_of(url: str) -> int:
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
    assert status_of(server) == 200
    assert status_of(f"{client.src}{ROUTE}") in (404, 405)


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
