"""What is dropped, what stays, and what does not count as use."""

from types import SimpleNamespace

import pytest

from vitdemo.engine.core import lru
from vitdemo.engine.core.lru import Lru


def test_without_weights_the_limit_is_a_number() -> None:
    known: Lru[str, int] = Lru(2)
    for number, key in enumerate("abc"):
        known.keep(key, number)
    assert [known.find(key) for key in "abc"] == [None, 1, 2]


def test_a_glance_is_no_use() -> None:
    known: Lru[str, int] = Lru(2)
    known.keep("a", 1)
    known.keep("b", 2)
    assert known.peek("a") == 1
    known.keep("c", 3)
    assert known.peek("a") is None
    assert known.find("b") == 2


def test_values_are_weighed_and_a_value_in_place_of_another_once() -> None:
    known: Lru[str, str] = Lru(4, len)
    for key, value in (("a", "xx"), ("a", "yyy"), ("b", "z")):
        known.keep(key, value)
    assert (known.find("a"), known.find("b")) == ("yyy", "z")
    known.keep("c", "long values stay")
    assert [known.find(key) for key in "abc"] == [None, None, "long values stay"]


def test_what_nobody_has_used_for_so_long_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(lru, "time", SimpleNamespace(monotonic=lambda: now[0]))
    known: Lru[str, int] = Lru(9)
    known.keep("a", 1)
    known.keep("b", 2)
    now[0] = 5.0
    known.find("a")
    known.forget(5.0)
    assert [known.peek(key) for key in "ab"] == [1, None]
