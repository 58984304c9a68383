"""gradio's server, which nothing reaches but through the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os import stat_result
from typing import Any

from gradio.routes import App, ORJSONResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from vitdemo.limits import MEGABYTE
from vitdemo.serving import cancelling, code, preview
from vitdemo.serving.connections import guard
from vitdemo.serving.front import Front
from vitdemo.serving.gate import Gate
from vitdemo.serving.hosts import make_hosts, name_in
from vitdemo.serving.login import Login
from vitdemo.serving.options import Options
from vitdemo.serving.proxies import believe_nobody, make_proxies
from vitdemo.serving.queue import line_up
from vitdemo.serving.sentences import Sentences
from vitdemo.serving.tools import answer_in_json
from vitdemo.ui import make_launch_options
from vitdemo.ui.kit.assets import MODULES, ROOMS, find_scripts, hash_scripts
from vitdemo.ui.page import Page


class Scripts(StaticFiles):
    """The scripts of the page, and nothing else that lies beside them."""

    def lookup_path(self, path: str) -> tuple[str, stat_result | None]:
        """Return the file at `path` and its facts, as starlette's."""
        return super().lookup_path(path) if path in find_scripts() else ("", None)


class Server(App):
    """gradio's application. What it lets through as an error becomes one sentence."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(default_response_class=ORJSONResponse)  # as gradio makes it
        self.gate = gate
        gate.login = Login(self, tries=gate.limits.login_tries)
        self.mount(f"{MODULES}/{hash_scripts()}", Scripts(directory=ROOMS))
        self.add_route("/logout", gate.login.log_out)
        self.add_route(preview.ADDRESS, preview.picture)
        self.add_route(code.ADDRESS, code.send_code)
        self.add_api_route(cancelling.ADDRESS, cancelling.cancel, methods=["POST"])  # before gradio's own
        self.add_middleware(Front)
        self.add_middleware(Sentences)

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
    """Serve `page` in a thread, and return what stands before it. Raise OSError if the port is taken."""
    known = make_hosts(listening=options.host, names=options.hosts, origins=options.origins)
    gate = Gate(do_nothing, options.limits, known, ready, make_room, make_proxies(options.proxies))
    line_up(page, options.limits)
    with believe_nobody():
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
            _frontend=False,  # else it gives up where a slow machine takes 3 s to draw the page once
            **make_launch_options(),
        )
    if page.mcp_server_obj:
        answer_in_json(page.mcp_server_obj, options.limits)
    serving = page.server.config  # what follows counts for connections from now on
    serving.timeout_graceful_shutdown = 1  # once it closes: see `run.drain`
    serving.http_protocol_class = guard(serving.http_protocol_class, options.limits, gate.proxies)
    serving.ws_protocol_class = None  # the page has no use for them
    if page.share_url:
        gate.hosts = replace(known, names=known.names | {name_in(page.share_url)})
    return gate


async def do_nothing(*_: Any) -> None:
    """Stand behind the gate until gradio has built what shall."""
