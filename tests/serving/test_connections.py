"""How many connections a client may hold, and for how long one may keep its request waiting."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.ports import free_port
from tests.serving.test_life import begin_slow_request
from tests.serving.visitor import API
from tests.serving.visitors import PATIENCE, Visitor, wait_until
from vitdemo.engine import Engine
from vitdemo.limits import Limits
from vitdemo.serving.connections import CROWDED, FULL
from vitdemo.serving.headers import HEADERS
from vitdemo.serving.options import Options
from vitdemo.serving.server import launch
from vitdemo.ui import build

OPEN, SECONDS = 6, 0.5
OTHER = "127.0.0.2"  # another client on the same machine


@pytest.fixture(scope="module")
def serve(models: Path) -> Iterator[Callable[..., str]]:
    """A server with these limits of a connection, behind those proxies; its address."""
    with ExitStack() as stack:

        def started(*, seconds: float = 60.0, proxies: tuple[str, ...] = (), together: int = 100) -> str:
            limits = Limits(connections=together, client_connections=OPEN, arrival_seconds=seconds)
            page = build(Engine(device="cpu", models_dir=models), limits=limits)
            launch(page, Options(limits=limits, port=free_port(), proxies=proxies))
            stack.callback(page.close)
            return str(page.local_url)

        yield started


def connect(url: str, client: str = "127.0.0.1") -> socket.socket:
    """Return a connection on which nothing is said."""
    place = urlsplit(url)
    assert place.hostname
    assert place.port
    return socket.create_connection((place.hostname, place.port), PATIENCE, source_address=(client, 0))


def ask(url: str, client: str) -> httpx.Response:
    """Return the page's configuration, as this client is answered."""
    with httpx.Client(transport=httpx.HTTPTransport(local_address=client), timeout=PATIENCE) as http:
        return http.get(f"{url}config")


def test_who_holds_all_their_connections_keeps_nobody_else_waiting(serve: Callable[..., str]) -> None:
    url = serve()
    with ExitStack() as stack:
        held = [stack.enter_context(connect(url)) for _ in range(OPEN // 2)]
        held += [stack.enter_context(begin_slow_request(url)) for _ in range(OPEN - len(held))]
        refused = httpx.get(f"{url}config", timeout=PATIENCE)
        assert (refused.status_code, refused.json()) == (429, {"detail": CROWDED})
        assert refused.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()
        for trickle in held[OPEN // 2 :]:
            trickle.sendall(b"x")
        other = Visitor(url)
        other.http = httpx.Client(
            base_url=f"{url}gradio_api/", transport=httpx.HTTPTransport(local_address=OTHER), timeout=PATIENCE
        )
        assert "event: complete" in other.analyse()
    wait_until(lambda: httpx.get(f"{url}config", timeout=PATIENCE).status_code == 200)


def test_who_holds_most_makes_room_for_another(serve: Callable[..., str]) -> None:
    url = serve(together=OPEN + 1)
    with ExitStack() as stack:
        held = [stack.enter_context(connect(url)) for _ in range(OPEN)]
        theirs = stack.enter_context(connect(url, OTHER))
        assert ask(url, "127.0.0.3").status_code == 200
        for number, connection in enumerate([*held, theirs]):
            connection.settimeout(PATIENCE if number == OPEN - 1 else 0.05)
            assert is_open(connection, b"") == (number != OPEN - 1), "the last one of who has most"


def test_who_holds_no_fewer_than_others_is_asked_to_come_again(serve: Callable[..., str]) -> None:
    url = serve(together=2)
    with connect(url), connect(url, OTHER):
        refused = ask(url, "127.0.0.3")
        assert (refused.status_code, refused.json()) == (503, {"detail": FULL})
        assert refused.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()
    wait_until(lambda: ask(url, "127.0.0.3").status_code == 200)


def test_what_does_not_come_whole_in_its_time_is_hung_up_on(serve: Callable[..., str]) -> None:
    """Neither who says nothing, nor who sends a byte from time to time; who listens is left alone."""
    url = serve(seconds=SECONDS)
    with httpx.stream("GET", f"{url}{API}/heartbeat/mine", timeout=PATIENCE) as stream:
        for begin, more in ((connect, b""), (begin_request, b"x"), (begin_slow_request, b"x")):
            with begin(url) as connection:
                connection.settimeout(SECONDS / 5)
                began = time.monotonic()
                while is_open(connection, more):
                    assert time.monotonic() - began < 60, "it was never hung up on"
        assert next(stream.iter_lines()).startswith("data"), "a stream of answers lasts"


def begin_request(url: str) -> socket.socket:
    """Return the connection of a request whose first header never comes to its end."""
    connection = connect(url)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
    return connection


def is_open(connection: socket.socket, more: bytes) -> bool:
    """Return whether the server still holds it, after `more` of the request; it answers nothing."""
    try:
        connection.sendall(more)
        assert connection.recv(1) == b""
    except TimeoutError:
        return True
    except OSError:  # cut off while something was on its way
        return False
    return False


def test_behind_a_proxy_requests_count_as_of_their_own_client(serve: Callable[..., str]) -> None:
    """All connections are the proxy's, and more than one client may have."""
    url = serve(proxies=("127.0.0.1",))
    with httpx.Client(base_url=url, timeout=PATIENCE) as proxy, ExitStack() as stack:
        mine, theirs = ({"x-forwarded-for": address} for address in ("1.2.3.4", "5.6.7.8"))
        for number in range(OPEN):
            stack.enter_context(proxy.stream("GET", f"{API}/heartbeat/{number}", headers=mine))
        refused = proxy.get("config", headers=mine)
        assert (refused.status_code, refused.json()) == (429, {"detail": CROWDED})
        assert proxy.get("config", headers=theirs).status_code == 200
