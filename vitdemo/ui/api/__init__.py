"""The public endpoints: what the page shows, as numbers, for gradio_client, plain HTTP and MCP."""

from __future__ import annotations

from vitdemo.engine import Engine
from vitdemo.ui.api.endpoints import Api
from vitdemo.ui.api.publish import publish

__all__ = ["add_endpoints"]


def add_endpoints(engine: Engine) -> None:
    """Add the endpoints to the page, unseen. Call this inside the page."""
    api = Api(engine)
    for function in (
        api.analyse,
        api.attention_map,
        api.class_map,
        api.faithfulness,
        api.sweep,
        api.models,
    ):
        publish(function)
