"""Many users for minutes, against `python app.py` on this machine: `python -m tests.soak`.

Each user has pictures of their own and asks as soon as the last answer is there; one in four opens the page,
as a browser does. Then come thousands of calls without a session, visitors who hang up, and more visitors
than the queue holds. Prints the numbers as JSON; exit status 1 where something failed or the memory grew.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.browser.server import start_app, stop
from tests.serving.visitor import Visitor
from tests.soak.browser import Browser
from tests.soak.load import MODELS, Load, User
from tests.soak.memory import Watch, read_resident
from vitdemo.limits import Limits

RESULT = 0.75  # megabytes, of the smallest result that a user asks for
BROWSERS = 4  # one user in so many opens the page
GROWTH = 0.05  # of the memory, from the end of the warm-up to any later time, each a mean over `WINDOW`
CALLS_GROWTH = 10.0  # megabytes, however many calls there are
PATIENCE = 120.0  # seconds for an answer
LEAVERS, CROWD = 20, 40  # visitors who hang up; visitors beyond the queue's length


def make_users(http: httpx.AsyncClient, url: str, load: Load, *, count: int) -> list[User]:
    """Of the endpoints and of the page."""
    site = Visitor(url)
    return [
        User(http, f"user {number}", load)
        if number % BROWSERS
        else Browser(http, f"browser {number}", load, site=site)
        for number in range(count)
    ]


async def stay(users: list[User], *, ended: asyncio.Event) -> None:
    """All of them at once, one visit after the other."""

    async def one(user: User) -> None:
        while not ended.is_set():
            await user.visit()

    await asyncio.gather(*map(one, users))


async def measure(
    users: list[User], load: Load, watch: Watch, *, options: argparse.Namespace, ended: asyncio.Event
) -> None:
    """Wait until what they do has filled the app's memory, then look while they go on.

    A pause between the two would make the base too small.
    """
    warm, enough = users[0].load, options.result_megabytes / RESULT
    while warm.answered["analyse"] < enough:
        await asyncio.sleep(1.0)
    for user in users:
        user.load = load
    await watch.look(options.seconds)
    ended.set()


async def call_many(http: httpx.AsyncClient, load: Load, *, count: int) -> None:
    """`count` calls without a session, four at a time."""
    numbers = iter(range(count))

    async def caller() -> None:
        for _ in numbers:
            await User(http, "", load).ask("models")

    await asyncio.gather(*(caller() for _ in range(4)))


async def ask_and_leave(http: httpx.AsyncClient, load: Load) -> float:
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


async def ask_in_crowd(http: httpx.AsyncClient, load: Load, *, length: int) -> Counter[str]:
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


async def run_soak(url: str, process: int, options: argparse.Namespace) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=None, keepalive_expiry=2.0)  # before the server closes them
    warm, load, quiet, left = Load(), Load(), Load(), Load()
    memory, watch = {"start": read_resident(process)}, Watch(process)
    async with httpx.AsyncClient(base_url=f"{url}gradio_api/", timeout=PATIENCE, limits=limits) as http:
        users, ended = make_users(http, url, warm, count=options.users), asyncio.Event()
        measured = measure(users, load, watch, options=options, ended=ended)
        await asyncio.gather(stay(users, ended=ended), measured)
        memory |= {"base": watch.base, "highest": watch.highest, "end_of_load": watch.end}
        memory["before_calls"], begin = read_resident(process), time.monotonic()
        await call_many(http, quiet, count=options.calls)
        each, memory["after_calls"] = (time.monotonic() - begin) / options.calls, read_resident(process)
        waited = await ask_and_leave(http, left)
        answers = await ask_in_crowd(http, left, length=Limits().queue_length)
        memory["end"] = read_resident(process)
    return {
        "users": options.users,
        "seconds": options.seconds,
        "requests": len(load.seconds),
        "answered": dict(load.answered),
        **load.percentiles(),
        "calls_without_session": len(quiet.seconds),
        "ms_a_call": round(1000 * each, 1),
        "seconds_after_leavers": round(waited, 2),
        "crowd": dict(answers),
        "megabytes": {name: round(value) for name, value in memory.items()},
        "growth": round(watch.highest / watch.base - 1, 4),
        "told": dict(warm.told + load.told + quiet.told + left.told),
    }


def list_faults(found: dict[str, Any], options: argparse.Namespace) -> list[str]:
    memory, refused = found["megabytes"], [name for name in found["crowd"] if name != "taken"]
    checks = {
        f"errors: {found['told']}": not found["told"],
        "the memory grew under load": found["growth"] <= GROWTH,
        "the memory grew by calls": memory["after_calls"] - memory["before_calls"] <= CALLS_GROWTH,
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
    parser.add_argument("--result-megabytes", type=float, default=Limits().result_megabytes, help="the app's")
    parser.add_argument("--out", type=Path, help="file for the JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vitdemo-soak-") as files:
        app, url = start_app(files, "--result-megabytes", str(options.result_megabytes))
        try:
            found = asyncio.run(run_soak(url, app.pid, options))
        finally:
            stop(app)
    text = json.dumps(found, indent=2)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    wrong = list_faults(found, options)
    print(*(f"FAULT: {fault}" for fault in wrong), sep="\n", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
