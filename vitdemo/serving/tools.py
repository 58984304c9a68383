"""The MCP tools answer in JSON: as text, and as the structured content that their schema announces."""

from __future__ import annotations

import ast
import json
from typing import Any

SCHEMA = {"type": "object"}  # what is in it, the tool's description says


def answer_in_json(server: Any) -> None:
    """`server`: gradio's, of the package mcp. gradio itself answers with Python's way to write a value."""
    from mcp import types

    list_tools = server.request_handlers[types.ListToolsRequest]
    call_tool = server.request_handlers[types.CallToolRequest]

    async def listed(request: types.ListToolsRequest) -> types.ServerResult:
        result = await list_tools(request)
        for tool in result.root.tools:
            tool.outputSchema = SCHEMA
        return result

    async def called(request: types.CallToolRequest) -> types.ServerResult:
        result = await call_tool(request)
        if not result.root.isError:
            for content in result.root.content:
                found = ast.literal_eval(content.text)
                content.text = json.dumps(found)
                result.root.structuredContent = found
        return result

    server.request_handlers[types.ListToolsRequest] = listed
    server.request_handlers[types.CallToolRequest] = called
