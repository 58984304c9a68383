"""By which names the server may be called, from whose pages, and how much may be sent along."""

from __future__ import annotations

import httpx
import pytest

from tests.serving.visitor import API
from tests.serving.visitors import PATIENCE
from vitdemo.serving.hosts import make_hosts

LOCAL = make_hosts(listening=None, names=(), origins=("https://Friend.example",))


def test_values_may_not_be_as_large_as_files(url: str) -> None:
    """Going through a body of millions of values stopped the server for minutes."""
    body = b'{"data": [' + b"[]," * 2**21 + b"[]]}"
    answer = httpx.post(f"{url}{API}/call/models", content=body, timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (
        413,
        {"detail": "The request is too large: the limit is 4 MB."},
    )
    body = {"data": [], "session_hash": "s" * 65}
    answer = httpx.post(f"{url}{API}/call/models", json=body, timeout=PATIENCE)
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "The name of a session may have 64 letters.",
    )


def test_whose_names_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("localhost", "LOCALHOST:7860", "127.0.0.1:7860", "[::1]:7860"):
        assert LOCAL.called(host)
    assert LOCAL.trusted("https://friend.example", ())
    assert not LOCAL.trusted("https://friend.example.evil.example", ())
    assert not LOCAL.called("friend.example")
    asked = make_hosts(listening="demo.example", names=("Other.example", "fe80::1"), origins=())
    assert all(map(asked.called, ("demo.example", "other.example:80", "[fe80::1]:80", "localhost")))
    monkeypatch.setenv("SPACE_HOST", "me-demo.hf.space,demo.me.example")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    space = make_hosts(listening=None, names=(), origins=())
    for host in ("me-demo.hf.space", "demo.me.example", "10.1.2.3:7860", "localhost:7860"):
        assert space.called(host)
    assert space.trusted("https://me-demo.hf.space", ["10.0.0.1:7860"])
    assert space.trusted("http://10.0.0.5:7860", ["10.0.0.5:7860"])
    assert not space.trusted("http://203.0.113.7:8000", ["10.0.0.5:7860"]), "another machine"
    assert not LOCAL.trusted("http://localhost:9", ["localhost:7860"]), "another program of this one"
    assert not LOCAL.trusted("http://[", ["localhost:7860"])
    assert not any(map(space.called, ("evil.hf.space", "0.0.0.0.evil.example", "")))
