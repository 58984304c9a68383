"""The MCP tools answer in JSON, and say in one sentence what is wrong.

As text, and as the structured content that their schema announces.
"""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Callable
from typing import Any

from gradio_client.exceptions import AppError
from gradio_client.utils import QueueError
from httpx import HTTPStatusError

from vitdemo.limits import MEGABYTE, Limits
from vitdemo.serving.queue import FULL
from vitdemo.ui.kit.words import CRASHED

SCHEMA = {"type": "object"}  # what is in it, the tool's description says
UNFIT = "The arguments do not fit the tool: its description says what it takes."
TOO_LARGE = "The picture is too large: the limit is {megabytes} MB."
INVALID = "Input validation error"  # how the package mcp begins what it says of arguments
STEPS = ("_execute_tool_without_progress", "_execute_tool_with_progress")


class Untold(Exception):  # noqa: N818 - a sentence for a program, not a fault
    """What the tool's caller is told."""


def answer_in_json(page_server: Any, limits: Limits) -> None:
    """Replace what gradio's MCP server (`page_server`) does with answers and errors.

    gradio answers with Python's way to write a value, and with the words of whatever was raised.
    """
    from mcp import types

    server = page_server.mcp_server
    list_tools = server.request_handlers[types.ListToolsRequest]
    call_tool = server.request_handlers[types.CallToolRequest]
    prepare = page_server._prepare_tool_call_args

    def prepare_checked(name: str, arguments: dict[str, Any]) -> Any:
        picture = arguments.get("image")
        if isinstance(picture, str) and len(picture) * 3 // 4 > limits.upload_megabytes * MEGABYTE:
            raise Untold(TOO_LARGE.format(megabytes=limits.upload_megabytes))
        try:
            return prepare(name, arguments)
        except Exception:
            raise Untold(UNFIT) from None

    async def list_typed(request: types.ListToolsRequest) -> types.ServerResult:
        result = await list_tools(request)
        for tool in result.root.tools:
            tool.outputSchema = SCHEMA
        return result

    async def call_typed(request: types.CallToolRequest) -> types.ServerResult:
        result = await call_tool(request)
        for content in result.root.content:
            if not result.root.isError:
                found = ast.literal_eval(content.text)
                content.text = json.dumps(found)
                result.root.structuredContent = found
            elif content.text.startswith(INVALID):
                content.text = UNFIT
        return result

    server.request_handlers[types.ListToolsRequest] = list_typed
    server.request_handlers[types.CallToolRequest] = call_typed
    page_server._prepare_tool_call_args = prepare_checked
    for step in STEPS:
        setattr(page_server, step, tell_sentence(getattr(page_server, step)))


def tell_sentence(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return `step`, which raises nothing but one sentence."""

    async def told(*args: Any) -> Any:
        try:
            return await step(*args)
        except Exception as error:
            raise Untold(choose_sentence(error)) from None

    return told


def choose_sentence(error: Exception) -> str:
    """Return what the tool's caller is told of `error`."""
    if isinstance(error, AppError):
        return str(error)
    if isinstance(error, RuntimeError):  # of a call with a progress token; an AppError otherwise
        return str(error).removeprefix("Error: ")
    if isinstance(error, QueueError):
        return FULL
    if isinstance(error, HTTPStatusError):
        return error.response.json()["detail"]  # as the gate and the queue refuse
    logging.getLogger(__name__).error("a tool failed", exc_info=error)
    return CRASHED
