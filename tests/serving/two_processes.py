"""Two processes of the app behind nginx, as `docs/nginx.conf` has them, on ports of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.browser.server import ROOT
from tests.ports import free_port
from tests.serving.process import App, is_ready, run_app
from tests.serving.visitors import wait_until

CONFIG = ROOT / "docs" / "nginx.conf"
FRAME = """
daemon off;
pid {home}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    scgi_temp_path {home}/scgi;
    uwsgi_temp_path {home}/uwsgi;
    {config}
}}
"""


@dataclass(frozen=True)
class Served:
    """The address of nginx, and the processes behind it by what the cookie calls them."""

    url: str
    apps: dict[str, App]


@contextmanager
def serve_two(*words: str, home: Path) -> Iterator[Served]:
    """Start nginx and both processes, each with `words`; below `home` lies all that they write."""
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        started = [
            pool.submit(stack.enter_context, run_app(*words, "--proxies", "127.0.0.1", temporary=home / name))
            for name in "ab"
        ]
        apps = dict(zip("ab", [one.result() for one in started], strict=True))
        url = stack.enter_context(run_nginx(apps, home=home))
        yield Served(url, apps)


@contextmanager
def run_nginx(apps: dict[str, App], *, home: Path) -> Iterator[str]:
    """Return the address of nginx before `apps`."""
    port, text = free_port(), CONFIG.read_text(encoding="utf-8")
    places = {"7861": apps["a"], "7862": apps["b"]}
    for old, app in places.items():
        text = text.replace(f":{old}", f":{httpx.URL(app.url).port}")
    text = text.replace("listen 80;", f"listen 127.0.0.1:{port};")
    config = home / "nginx.conf"
    config.write_text(FRAME.format(home=home, config=text), encoding="utf-8")
    log = home / "nginx.log"
    nginx = subprocess.Popen(["nginx", "-e", log, "-p", home, "-c", config])
    try:
        url = f"http://127.0.0.1:{port}/"
        wait_until(lambda: nginx.poll() is not None or is_ready(url))
        assert nginx.poll() is None, log.read_text(encoding="utf-8")
        yield url
    finally:
        nginx.terminate()
        nginx.wait()
