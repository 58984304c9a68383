"""Whose address counts, and which headers a client may not set."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.serving.visitor import API
from tests.serving.visitors import PATIENCE
from vitdemo.serving.options import parse
from vitdemo.serving.proxies import make_proxies

INSIDE, OUTSIDE, MINE = "10.0.0.7", "203.0.113.9", "198.51.100.4"


def make_scope(peer: str, **headers: str) -> dict[str, Any]:
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": (peer, 4711), "headers": named}


@pytest.mark.parametrize(
    ("names", "peer", "told", "client"),
    [
        ((), OUTSIDE, MINE, OUTSIDE),
        ((), "127.0.0.1", MINE, "127.0.0.1"),
        ((INSIDE,), OUTSIDE, MINE, OUTSIDE),
        ((INSIDE,), INSIDE, MINE, MINE),
        ((INSIDE,), INSIDE, f"1.2.3.4, {MINE}", MINE),
        (("10.0.0.0/8",), INSIDE, f"1.2.3.4, {MINE}, 10.9.9.9", MINE),
        (("10.0.0.0/8",), INSIDE, "10.1.1.1", "10.1.1.1"),
        (("10.0.0.0/8",), INSIDE, "", INSIDE),
        (("10.0.0.0/8",), INSIDE, "nobody", "nobody"),
        ((), "2001:db8:1:2:3:4:5:6", MINE, "2001:db8:1:2::/64"),
        ((), f"::ffff:{MINE}", "", MINE),
    ],
)
def test_a_client_is_whom_the_last_proxy_that_was_named_has_seen(
    names: tuple[str, ...], peer: str, told: str, client: str
) -> None:
    """What stands before that in X-Forwarded-For, the client may have written."""
    seen = make_proxies(names).rewrite(make_scope(peer, x_forwarded_for=told), calls_itself=False)
    assert seen["client"][0] == client


def test_a_space_stands_behind_the_proxies_of_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    told = make_scope("10.20.30.40", x_forwarded_for=f"1.2.3.4, {MINE}, 10.3.3.3")
    assert make_proxies(()).rewrite(told, calls_itself=False)["client"][0] == "10.20.30.40"
    monkeypatch.setenv("SPACE_HOST", "me-vitdemo.hf.space")
    assert make_proxies(()).rewrite(told, calls_itself=False)["client"][0] == MINE


def test_only_a_named_proxy_says_how_the_server_is_called() -> None:
    told = {
        "x_forwarded_host": "a",
        "x_forwarded_proto": "https",
        "x_gradio_server": "http://b",
        "accept": "*/*",
    }
    for peer, kept in ((OUTSIDE, ["accept"]), (INSIDE, ["accept", "x-forwarded-host", "x-forwarded-proto"])):
        seen = make_proxies([INSIDE]).rewrite(make_scope(peer, **told), calls_itself=False)
        assert sorted(name.decode() for name, _ in seen["headers"]) == kept


def test_a_call_to_itself_counts_as_of_the_client_that_caused_it() -> None:
    named = make_proxies(())
    asked = named.rewrite(make_scope(MINE, x_vitdemo_caller="made up 1.2.3.4"), calls_itself=True)
    again = named.rewrite({**asked, "client": ("127.0.0.1", 1)}, calls_itself=False)
    assert (asked["client"][0], again["client"][0], again["headers"]) == (MINE, MINE, [])
    other = make_proxies(()).rewrite({**asked, "client": ("127.0.0.1", 1)}, calls_itself=False)
    assert other["client"][0] == "127.0.0.1", "of another process, whose secret is another"


def test_a_name_that_is_no_address_ends_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--proxies", "10.0.0.1,proxy.example"])
    assert "error: proxies must be addresses or networks, got 'proxy.example'" in capsys.readouterr().err


def test_no_client_decides_what_the_answers_call_the_server(url: str) -> None:
    told = {
        "X-Gradio-Server": "http://evil.example",
        "X-Forwarded-Host": "localhost:1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "1.2.3.4",
    }
    for path in ("", "config", f"{API}/info", f"{API}/openapi.json"):
        answer = httpx.get(f"{url}{path}", headers=told, timeout=PATIENCE)
        assert answer.status_code == 200
        assert not [word for word in ("evil.example", "localhost:1", "https://127") if word in answer.text]
