"""How many large pictures are in memory at once, however many visitors wait for a network."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Lock
from typing import Any
from weakref import ref

import pytest
from PIL import Image

from tests.engine.bundle import LAB_MODEL, draw_picture
from vitdemo.engine import Engine, Request
from vitdemo.engine.core import analyse
from vitdemo.engine.core.pool import DECODERS

VISITORS = 3 * DECODERS
LARGE = (1600, 1200)


def test_nobody_holds_a_decoded_picture_while_they_wait_for_a_network(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them have decoded theirs before the network is loaded for the first."""
    engine, decode = Engine(device="cpu", models_dir=models), analyse.decode
    load, here, lock = engine._pool.get, Barrier(VISITORS, timeout=60), Lock()
    seen: list[ref[Image.Image]] = []
    most = 0

    def decode_and_count(*args: Any, **options: Any) -> Image.Image:
        nonlocal most
        found = decode(*args, **options)
        with lock:
            seen.append(ref(found))
            held = [one() for one in seen]
            most = max(most, sum(one is not None and one.size == LARGE for one in held))
        return found

    def wait_and_load(*args: Any, **options: Any) -> Any:
        here.wait()
        return load(*args, **options)

    monkeypatch.setattr(analyse, "decode", decode_and_count)
    monkeypatch.setattr(engine._pool, "get", wait_and_load)
    requests = [Request(draw_picture(seed, LARGE), LAB_MODEL, 0.0) for seed in range(VISITORS)]
    with ThreadPoolExecutor(VISITORS) as visitors:
        results = list(visitors.map(engine.open, requests))
    assert len({result.analysis.key for result in results}) == VISITORS
    assert 0 < most <= DECODERS
