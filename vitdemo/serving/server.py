"""gradio's server, which nothing reaches but through the gate."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from os import stat_result
from typing import Any

from gradio.route_utils import FnIndexInferError
from gradio.routes import App, ORJSONResponse
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from vitdemo.limits import MEGABYTE
from vitdemo.serving.gate import Gate, refused
from vitdemo.serving.hosts import hosts, name_in
from vitdemo.serving.options import Options
from vitdemo.serving.queue import line_up
from vitdemo.serving.tools import answer_in_json
from vitdemo.ui import launch_options
from vitdemo.ui.kit.assets import MODULES, ROOMS, scripts, version
from vitdemo.ui.kit.errors import is_full
from vitdemo.ui.kit.html import CRASHED, FULL
from vitdemo.ui.page import Page

NO_EVENT = "This page has no such event or component."


class Scripts(StaticFiles):
    """The scripts of the page, and nothing else that lies beside them."""

    def lookup_path(self, path: str) -> tuple[str, stat_result | None]:
        """Return the file at `path` and its facts, as starlette's."""
        return super().lookup_path(path) if path in scripts() else ("", None)


class Server(App):
    """gradio's application. What it lets through as an error becomes one sentence."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(default_response_class=ORJSONResponse)  # as gradio makes it
        self.gate = gate
        self.mount(f"{MODULES}/{version()}", Scripts(directory=ROOMS))
        self.add_exception_handler(OSError, unreadable)
        for kind in (KeyError, FnIndexInferError):
            self.add_exception_handler(kind, unknown)

    def build_middleware_stack(self) -> ASGIApp:
        self.gate.app = super().build_middleware_stack()
        return self.gate


def launch(
    page: Page,
    options: Options,
    *,
    ready: Callable[[], bool] = lambda: True,
    make_room: Callable[[int], None] = lambda coming: None,
) -> Gate:
    """Serves `page` in a thread, and returns what stands before it. Raises OSError if the port is taken."""
    known = hosts(listening=options.host, names=options.hosts, origins=options.origins)
    gate = Gate(nothing, options.limits, known, ready, make_room)
    line_up(page, options.limits)
    page.launch(
        server_name=options.host,
        server_port=options.port,
        share=options.share,
        mcp_server=options.mcp or None,
        auth=options.login,
        max_file_size=options.limits.upload_megabytes * MEGABYTE,
        enable_monitoring=False,
        prevent_thread_lock=True,
        _app=Server(gate),
        **launch_options(),
    )
    if page.mcp_server_obj:
        answer_in_json(page.mcp_server_obj.mcp_server)
    page.server.config.timeout_graceful_shutdown = 1  # once it closes: see `run.drain`
    if page.share_url:
        gate.hosts = replace(known, names=known.names | {name_in(page.share_url)})
    return gate


async def nothing(*_: Any) -> None:
    """Stands behind the gate until gradio has built what shall."""


async def unreadable(_: Request, error: Exception) -> JSONResponse:
    logging.getLogger(__name__).error("a request failed", exc_info=error)
    return refused(507, FULL) if is_full(error) else refused(500, CRASHED)


async def unknown(_: Request, error: Exception) -> JSONResponse:
    return refused(404, NO_EVENT)
