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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PATTERN = re.compile(r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")
ERRORS = {"RepoNotFound": 404, "RevisionNotFound": 404, "EntryNotFound": 404, "GatedRepo": 403, "broken": 500}
SLOW_PIECE, SLOW_PAUSE = 2**16, 0.5


class Hub:
    """Serves `root/owner/repo/...` as revisions "main" and COMMIT.

    `modes` makes a repository behave: "good", "slow" (dribbles bodies), "hang" (accepts, never answers),
    "stuck" (answers HEAD, then hangs), "GatedRepo" or "broken" (status 500). `requests` lists what was asked.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modes: dict[str, str] = {}
        self.requests: list[str] = []
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
        """The mode, and the file or the name of an error."""
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
        if isinstance(found, str):
            self.send_response(ERRORS[found])
            self.send_header("X-Error-Code", found)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = found.read_bytes()
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.send(body, slow=mode == "slow")

    def send(self, body: bytes, *, slow: bool) -> None:
        piece = SLOW_PIECE if slow else max(len(body), 1)
        for start in range(0, len(body), piece):
            if slow:
                time.sleep(SLOW_PAUSE)
            self.wfile.write(body[start : start + piece])

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


def drive(scenario: dict[str, Any]) -> dict[str, Any]:
    """Runs every load of `scenario` and returns a record of each by its name.

    A load: `name`, `source`, and if need be `deadline`, `models_dir`, `modes` (to set before), `env`,
    `stop` (the server first), `offline`.
    """
    hub = Hub(Path(scenario["root"]))
    os.environ.update(HF_ENDPOINT=hub.url, HF_HOME=scenario["home"], HF_HUB_DISABLE_XET="1")
    from huggingface_hub import constants

    results = {}
    for load in scenario["loads"]:
        hub.modes.update(load.get("modes", {}))
        os.environ.update(load.get("env", {}))
        constants.HF_HUB_OFFLINE = load.get("offline", False)
        if load.get("stop"):
            hub.stop()
        hub.requests.clear()
        start = time.monotonic()
        record = attempt(load)
        results[load["name"]] = record | {
            "seconds": time.monotonic() - start,
            "requests": list(hub.requests),
        }
        for key in load.get("env", {}):
            del os.environ[key]
    return results


def attempt(load: dict[str, Any]) -> dict[str, Any]:
    """One load: the report, classes, data config, progress, and logits of `probe`; or the error."""
    import torch

    from vitdemo.config import to_json
    from vitdemo.weights import WeightsError, load_model

    progress: list[tuple[float, str]] = []
    models_dir = Path(load["models_dir"]) if "models_dir" in load else None
    try:
        loaded = load_model(
            load["source"],
            models_dir=models_dir,
            deadline=load.get("deadline", 30.0),
            progress=lambda share, text: progress.append((share, text)),
        )
    except WeightsError as error:
        return {"error": str(error)}
    with torch.no_grad():
        logits = loaded.model(probe(loaded.model.config.img_size))
    return {
        **dataclasses.asdict(loaded.report),
        "classes": loaded.classes,
        "data": to_json(loaded.spec.data),
        "progress": progress,
        "logits": logits.tolist(),
    }


def probe(size: Any) -> Any:
    """The two pictures that models are compared on, `(2, 3, hh, ww)`."""
    import torch

    height, width = (size, size) if isinstance(size, int) else size
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(drive(json.loads(Path(sys.argv[1]).read_text()))))
