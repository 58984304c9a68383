"""The app while many ask at once, against a loop of the engine that nobody calls over HTTP."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import httpx
import torch

from tests.bench.race import OURS, Row, Setting, compare
from tests.browser.server import quick_models, start_app, stop
from tests.soak.load import Load, User, draw_upload
from vitdemo.engine import Engine, Request

NAME = "app under load"
LOOP = "a loop of the engine"
USERS = (1, 4, 16, 64)
MODEL, RATIO = "dynamicvit_cifar10", 0.3
SECONDS, TURNS = 5.0, 2
BAR = 1 / 0.8  # at least 80 % of the loop's answers
PATIENCE = 120.0


def measure(setting: Setting) -> Iterator[Row]:
    """Count the answers of some seconds, in turn; a value is the milliseconds from one to the next."""
    if setting.tiny:
        return
    engine = Engine(device="cpu", models_dir=quick_models())
    with tempfile.TemporaryDirectory() as files:
        loop = partial(loop_engine, engine, Path(files) / "upload.png")
        loop(0.5)
        threads = str(torch.get_num_threads())
        app, url = start_app(files, "--models-dir", str(quick_models()), OMP_NUM_THREADS=threads)
        try:
            asyncio.run(ask_app(url, users=4, seconds=1.0))
            for users in USERS:
                times: dict[str, list[float]] = {OURS: [], LOOP: []}
                for _ in range(TURNS):
                    times[LOOP].append(loop(SECONDS))
                    times[OURS].append(asyncio.run(ask_app(url, users=users, seconds=SECONDS)))
                yield from compare(NAME, f"{users} users", times, bars={LOOP: BAR})
        finally:
            stop(app)


def loop_engine(engine: Engine, path: Path, seconds: float) -> float:
    """Return the milliseconds that a picture takes from its file to its answer, each another one."""
    begin = time.perf_counter()
    for number in count(1):
        path.write_bytes(draw_upload(random.randrange(2**32)))
        engine.open(Request(path, MODEL, RATIO))
        if (took := time.perf_counter() - begin) > seconds:
            return 1000 * took / number
    raise AssertionError


async def ask_app(url: str, *, users: int, seconds: float) -> float:
    """Return the milliseconds between two answers, where so many users ask as soon as they are answered."""
    load = Load()
    connections = httpx.Limits(max_connections=None, keepalive_expiry=2.0)
    async with httpx.AsyncClient(base_url=f"{url}gradio_api/", timeout=PATIENCE, limits=connections) as http:
        begin = time.perf_counter()

        async def stay(user: User) -> None:
            while time.perf_counter() - begin < seconds:
                await user.ask("analyse", await user.picture(), MODEL, RATIO, "")

        names = (f"{random.getrandbits(64):x}" for _ in range(users))
        await asyncio.gather(*(stay(User(http, name, load)) for name in names))
        took = time.perf_counter() - begin
    assert not load.told, load.told
    return 1000 * took / len(load.seconds)
