"""Many users for minutes, against `python app.py` on this machine: `python -m tests.soak`.

Each user has pictures of their own and asks as soon as the last answer is there. Then come thousands of calls
without a session, visitors who hang up, and more visitors than the queue holds. Prints the numbers as JSON;
exit status 1 where something failed or the memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from tests.browser.server import started, stop
from vitdemo.limits import Limits

MODELS = ("dynamicvit_cifar10", "vit_cifar10")
FILLED = 300  # analyses after which the memory of the results is full
GROWTH = 0.05  # of the memory, from the end of the warm-up to the end of the load
CALLS_GROWTH = 10.0  # megabytes, however many calls there are
PATIENCE = 120.0  # seconds for an answer
LEAVERS, CROWD = 20, 40  # visitors who hang up; visitors beyond the queue's length


@dataclass
class Load:
    """What the users saw. `seconds`: of each answer; `told`: the errors and refusals, and how often."""

    seconds: list[float] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)

    def percentiles(self) -> dict[str, float]:
        values = np.percentile(self.seconds, (50, 95, 99)) * 1000
        return {f"p{name}_ms": round(float(one), 1) for name, one in zip((50, 95, 99), values, strict=True)}


class User:
    """A program with a session, or without one (`name` is "")."""

    def __init__(self, http: httpx.AsyncClient, name: str, load: Load) -> None:
        self.http, self.name, self.load = http, name, load
        self.random = random.Random(name)

    async def picture(self) -> dict[str, Any]:
        """A new one, uploaded."""
        seed = self.random.randrange(2**32)
        small = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        file = io.BytesIO()
        Image.fromarray(small).resize((160, 120), Image.Resampling.BICUBIC).save(file, "PNG")
        answer = await self.http.post("upload", files={"files": (f"{seed}.png", file.getvalue())})
        (path,) = answer.raise_for_status().json()
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    async def join(self, endpoint: str, values: list[Any]) -> httpx.Response:
        body = {"data": values, **({"session_hash": self.name} if self.name else {})}
        return await self.http.post(f"call/{endpoint}", json=body)

    async def ask(self, endpoint: str, *values: Any) -> str:
        """The text of the answer; "" after an error or a refusal, which is counted."""
        begin = time.monotonic()
        joined = await self.join(endpoint, list(values))
        if joined.status_code != 200:
            self.load.told[joined.json()["detail"]] += 1
            return ""
        text = (await self.http.get(f"call/{endpoint}/{joined.json()['event_id']}")).text
        if "event: complete" not in text:
            self.load.told[text[:200]] += 1
            return ""
        self.load.seconds.append(time.monotonic() - begin)
        return text

    async def visit(self) -> None:
        """A picture analysed, and one question about it or about the models."""
        image, model = await self.picture(), self.random.choice(MODELS)
        ratio = self.random.choice((0.0, 0.3, 0.5))
        await self.ask("analyse", image, model, ratio, "")
        question = self.random.choice(("attention_map", "class_map", "models"))
        about = {
            "attention_map": (image, model, ratio, "", "attention-rollout", -1, -1, "mean", 0.0, None),
            "class_map": (image, model, ratio, "", "", "gradient-rollout"),
        }
        await self.ask(question, *about.get(question, ()))


async def users(http: httpx.AsyncClient, load: Load, *, count: int, enough: Any) -> None:
    """So many users at once, until it is `enough()`."""

    async def stay(user: User) -> None:
        while not enough():
            await user.visit()

    await asyncio.gather(*(stay(User(http, f"user {number}", load)) for number in range(count)))


async def calls(http: httpx.AsyncClient, load: Load, *, count: int) -> None:
    """`count` calls without a session, four at a time."""
    numbers = iter(range(count))

    async def caller() -> None:
        for _ in numbers:
            await User(http, "", load).ask("models")

    await asyncio.gather(*(caller() for _ in range(4)))


async def leavers(http: httpx.AsyncClient, load: Load) -> float:
    """Visitors who ask for seconds of work and hang up; returns the seconds that the next visitor waits."""
    for number in range(LEAVERS):
        user = User(http, f"leaver {number}", load)
        endpoint = user.random.choice(("sweep", "faithfulness"))
        values = [await user.picture(), MODELS[0], ""][: 2 + (endpoint == "faithfulness")]
        event = (await user.join(endpoint, values)).json()["event_id"]
        async with http.stream("GET", f"call/{endpoint}/{event}"):
            await asyncio.sleep(user.random.random())
    user = User(http, "next", load)
    image, begin = await user.picture(), time.monotonic()
    await user.ask("analyse", image, MODELS[0], 0.3, "")
    return time.monotonic() - begin


async def crowd(http: httpx.AsyncClient, load: Load, *, length: int) -> Counter[str]:
    """More visitors than the queue holds, at once; how they were answered. Each asks again until answered."""
    first: Counter[str] = Counter()
    image = await User(http, "crowd", load).picture()

    async def come(number: int) -> None:
        user = User(http, f"crowd {number}", load)
        joined = await user.join("sweep", [image, MODELS[1]])
        first["taken" if joined.status_code == 200 else joined.json()["detail"]] += 1
        while joined.status_code != 200:
            await asyncio.sleep(float(joined.headers["retry-after"]))
            joined = await user.join("models", [])

    await asyncio.gather(*(come(number) for number in range(length + CROWD)))
    return first


def resident(process: int) -> float:
    """Megabytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


async def soak(url: str, process: int, options: argparse.Namespace) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=None, keepalive_expiry=2.0)  # before the server closes them
    warm, load, quiet, left = Load(), Load(), Load(), Load()
    memory = {"start": resident(process)}
    async with httpx.AsyncClient(base_url=f"{url}gradio_api/", timeout=PATIENCE, limits=limits) as http:
        await users(http, warm, count=options.users, enough=lambda: len(warm.seconds) > 4 * FILLED)
        memory["warm"], end = resident(process), time.monotonic() + options.seconds
        await users(http, load, count=options.users, enough=lambda: time.monotonic() > end)
        memory["after_load"], begin = resident(process), time.monotonic()
        await calls(http, quiet, count=options.calls)
        each, memory["after_calls"] = (time.monotonic() - begin) / options.calls, resident(process)
        waited = await leavers(http, left)
        answers = await crowd(http, left, length=Limits().queue_length)
        memory["end"] = resident(process)
    return {
        "users": options.users,
        "seconds": options.seconds,
        "requests": len(load.seconds),
        **load.percentiles(),
        "calls_without_session": len(quiet.seconds),
        "ms_a_call": round(1000 * each, 1),
        "seconds_after_leavers": round(waited, 2),
        "crowd": dict(answers),
        "megabytes": {name: round(value) for name, value in memory.items()},
        "growth": round(memory["after_load"] / memory["warm"] - 1, 4),
        "told": dict(warm.told + load.told + quiet.told + left.told),
    }


def faults(found: dict[str, Any], options: argparse.Namespace) -> list[str]:
    memory, refused = found["megabytes"], [name for name in found["crowd"] if name != "taken"]
    checks = {
        f"errors: {found['told']}": not found["told"],
        "the memory grew under load": found["growth"] <= GROWTH,
        "the memory grew by calls": memory["after_calls"] - memory["after_load"] <= CALLS_GROWTH,
        "calls are missing": found["calls_without_session"] == options.calls,
        "leavers hold the worker": found["seconds_after_leavers"] < 3.0,
        f"no polite refusal: {refused}": len(refused) == 1 and refused[0].startswith("The server is busy"),
    }
    return [fault for fault, held in checks.items() if not held]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--users", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=600, help="of load, after the warm-up")
    parser.add_argument("--calls", type=int, default=10_000, help="without a session, afterwards")
    parser.add_argument("--out", type=Path, help="file for the JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vitdemo-soak-") as files:
        app, url = started(files)
        try:
            found = asyncio.run(soak(url, app.pid, options))
        finally:
            stop(app)
    text = json.dumps(found, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    wrong = faults(found, options)
    print(*(f"FAULT: {fault}" for fault in wrong), sep="\n", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
