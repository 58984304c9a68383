"""A local imitation of the Hugging Face Hub, and a driver that loads from it with the real client.

`python -m tests.weights.hub SCENARIO OUT` runs the loads of a JSON file one after the other and writes
what came of each. It is a process of its own because the client reads its environment when it is imported.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import sys
import threading
import time
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.weights.cache_faults import FAULTS, LARGE

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PATTERN = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
ERRORS = {"RepoNotFound": 404, "RevisionNotFound": 404, "EntryNotFound": 404, "GatedRepo": 403}
ERRORS |= {"broken": 500, "busy": 429, "unauthorized": 401}
SLOW_PIECE, SLOW_PAUSE = 2**16, 0.5
HUGE = 3 * 10**9  # bytes


class Hub:
    """Serves `root/owner/repo/...` as revisions "main" and COMMIT.

    `modes` makes a repository behave: "good", "slow" (dribbles bodies), "drip" (100 bytes a second), "hang"
    (accepts, never answers), "stuck" (answers HEAD, then hangs), "stalls" (at half of each large body),
    "dies" (there, each time, and knows no ranges), "dies once", "short" (sends less than it said before),
    "huge" (says 3 GB), "altered" (one bit is not what the checksum tells), "private" (is there for those who
    send a token), "GatedRepo", or "broken", "busy" and "unauthorized" (status 500, 429 and 401). `requests`
    lists what was asked, `sent` counts the bytes of bodies.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modes: dict[str, str] = {}
        self.requests: list[str] = []
        self.sent = 0
        self.stopped = threading.Event()
        handler = type("Handler", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Connections are refused from now on."""
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()

    def find(self, path: str) -> tuple[str, Path | str]:
        """Return the mode, and the file or the name of an error."""
        match = PATTERN.fullmatch(path)
        if match is None or not (self.root / match["repo"]).is_dir():
            return "good", "RepoNotFound"
        mode = self.modes.get(match["repo"], "good")
        if mode in ERRORS:
            return mode, mode
        if match["revision"] not in ("main", COMMIT):
            return mode, "RevisionNotFound"
        file = self.root / match["repo"] / match["file"]
        return mode, file if file.is_file() else "EntryNotFound"


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        self.hub.requests.append(f"{self.command} {self.path}")
        mode, found = self.hub.find(self.path)
        if mode == "hang" or (mode == "stuck" and self.command == "GET"):
            self.hub.stopped.wait()
            return
        if mode == "private" and "Authorization" not in self.headers:
            found = "RepoNotFound"
        if isinstance(found, str):
            self.send_response(ERRORS[found])
            self.send_header("X-Error-Code", found)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = found.read_bytes()
        etag, whole = hashlib.sha256(body).hexdigest(), len(body)
        large = whole > LARGE and self.command == "GET"
        if mode == "altered" and large:
            body = body[:-4] + bytes([body[-4] ^ 1]) + body[-3:]
        if mode == "short" and large:
            body = body[: whole // 2]
        start = self.range() if mode != "dies" else 0
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{etag}"')
        self.send_header(
            "Content-Length", str(HUGE if mode == "huge" and whole > LARGE else len(body) - start)
        )
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.end_headers()
        if self.command == "GET":
            self.send(body[start:], mode if large else "good")

    def range(self) -> int:
        """Return the first byte that is asked for."""
        return int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1])

    def send(self, body: bytes, mode: str) -> None:
        if mode == "dies once":
            self.hub.modes[self.path.split("/resolve/")[0][1:]] = "good"
        half = mode in ("stalls", "dies", "dies once")
        piece, pause = {"slow": (SLOW_PIECE, SLOW_PAUSE), "drip": (10, 0.1)}.get(mode, (2**16, 0.0))
        for start in range(0, len(body) // 2 if half else len(body), piece):
            self.hub.stopped.wait(pause)
            self.wfile.write(body[start : start + piece])
            self.hub.sent += piece
        if mode == "stalls":
            self.hub.stopped.wait()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


def list_fetched(hub: Hub) -> list[str]:
    """Return the requests for weights."""
    return [line for line in hub.requests if line.startswith("GET") and "safetensors" in line]


def drive(scenario: dict[str, Any]) -> dict[str, Any]:
    """Run every load of `scenario` and return a record of each by its name.

    A load: `name`, `source`, and if need be `deadline`, `models_dir`, `modes` (to set before), `env`,
    `stop` (the server first), `offline`, `megabytes`, `cancel_at` (a share, or -1 at once), `fault` (one of
    `FAULTS`), and `ends` (its threads are to end, which is waited for).
    """
    hub = Hub(Path(scenario["root"]))
    os.environ.update(HF_ENDPOINT=hub.url, HF_HOME=scenario["home"], HF_HUB_DISABLE_XET="1")
    from huggingface_hub import constants

    import vitdemo.weights  # now, for it takes seconds that no load shall count

    results = {}
    for load in scenario["loads"]:
        hub.modes.update(load.get("modes", {}))
        os.environ.update(load.get("env", {}))
        constants.HF_HUB_OFFLINE = load.get("offline", False)
        if load.get("stop"):
            hub.stop()
        hub.requests.clear()
        hub.sent, start = 0, time.monotonic()
        with FAULTS[load["fault"]]() if "fault" in load else nullcontext():
            record = try_load(load)
        results[load["name"]] = record | {
            "cached": vitdemo.weights.is_cached(load["source"]),
            "seconds": time.monotonic() - start,
            "threads": count_left() if load.get("ends") else None,
            "requests": list(hub.requests),
            "sent": hub.sent,
        }
        for key in load.get("env", {}):
            del os.environ[key]
    return results


def try_load(load: dict[str, Any]) -> dict[str, Any]:
    """One load: the report, classes, data config, progress, and logits of `make_probe`; or the error."""
    import torch

    from vitdemo.kinds import to_json
    from vitdemo.weights import WeightsError, load_model

    progress: list[tuple[float, str]] = []
    start, heard = time.monotonic(), []

    def hear(share: float, text: str) -> None:
        progress.append((share, text))
        heard.append(time.monotonic() - start)
        if share > load.get("cancel_at", 1.0):
            raise InterruptedError("the visitor left")

    models_dir = Path(load["models_dir"]) if "models_dir" in load else None
    try:
        loaded = load_model(
            load["source"],
            models_dir=models_dir,
            deadline=load.get("deadline", 30.0),
            download_megabytes=load.get("megabytes", 1024),
            progress=hear,
        )
    except (WeightsError, InterruptedError) as error:
        template = getattr(error.args[0], "template", None) if error.args else None
        return {"error": str(error), "template": template, "progress": progress, "heard": heard}
    with torch.no_grad():
        logits = loaded.model(make_probe(loaded.model.config.img_size))
    return {
        **dataclasses.asdict(loaded.origin),
        "classes": loaded.classes,
        "data": to_json(loaded.spec.data),
        "progress": progress,
        "logits": logits.tolist(),
    }


def count_left() -> int:
    """Downloading threads that are still alive four seconds later."""
    until = time.monotonic() + 4
    while True:
        alive = sum(thread.name.startswith("fetch ") for thread in threading.enumerate())
        if not alive or time.monotonic() > until:
            return alive
        time.sleep(0.05)


def make_probe(size: Any) -> Any:
    """Return the two pictures that models are compared on, `(2, 3, hh, ww)`."""
    import torch

    height, width = (size, size) if isinstance(size, int) else size
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(drive(json.loads(Path(sys.argv[1]).read_text()))))
