"""The local imitation of the Hub, to which the real client can also write: commits by LFS, and refusals."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from tests.weights.hub import COMMIT, Handler, Hub

TOKEN = "hf_a_token_of_this_test"
LARGE = (".safetensors", ".png")


class Uploads(Hub):
    """A Hub whose owner holds TOKEN.

    `made` lists what repositories were asked for, `commits` (repository, message, paths). A deleted file is
    gone from its repository.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.server.RequestHandlerClass = type("Writer", (Writer,), {"hub": self})
        self.blobs: dict[str, bytes] = {}
        self.commits: list[tuple[str, str, list[str]]] = []
        self.made: list[dict[str, Any]] = []


class Writer(Handler):
    """Creates repositories, takes LFS objects and commits; all else as `Handler`."""

    hub: Uploads  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:  # noqa: N802 - the server calls it so
        self.hub.requests.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.reply({"error": "who are you?"}, status=401)
        elif path == "/api/repos/create":
            wanted = json.loads(body)
            self.hub.made.append(wanted)
            repo = f"{wanted['organization']}/{wanted['name']}"
            (self.hub.root / repo).mkdir(parents=True, exist_ok=True)
            self.reply({"url": f"{self.hub.url}/{repo}", "private": wanted.get("private", False)})
        elif path == "/api/validate-yaml":
            self.reply({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            modes = [(file["path"], file["path"].endswith(LARGE)) for file in json.loads(body)["files"]]
            files = [
                {
                    "path": name,
                    "uploadMode": "lfs" if large else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for name, large in modes
            ]
            self.reply({"files": files})
        elif path.endswith("/info/lfs/objects/batch"):
            objects = [
                file | {"actions": {"upload": {"href": f"{self.hub.url}/blob/{file['oid']}"}}}
                for file in json.loads(body)["objects"]
            ]
            self.reply({"objects": objects, "transfer": "basic"})
        elif "/commit/" in path:
            self.commit(path.split("/", 3)[3].rsplit("/commit/")[0], body)

    def do_GET(self) -> None:  # noqa: N802
        """The files of a repository, or as `Handler`."""
        if "/tree/" not in self.path:
            return super().do_GET()
        root = self.hub.root / self.path.split("/", 3)[3].split("/tree/")[0]
        files = [path for path in root.rglob("*") if path.is_file()]
        self.reply([{"type": "file", "path": str(p.relative_to(root)), "size": 1, "oid": "0"} for p in files])

    def do_PUT(self) -> None:  # noqa: N802
        size = int(self.headers.get("Content-Length", 0))
        self.hub.blobs[self.path.rsplit("/", 1)[1]] = self.rfile.read(size) if size else self.chunks()
        self.reply({})

    def chunks(self) -> bytes:
        """Return a body sent in pieces, each after its length."""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def commit(self, repo: str, body: bytes) -> None:
        message, paths = "", []
        for line in body.decode().splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                message = value["summary"]
                continue
            target = self.hub.root / repo / value["path"]
            if entry["key"] == "deletedFile":
                target.unlink()
                continue
            data = (
                base64.b64decode(value["content"]) if entry["key"] == "file" else self.hub.blobs[value["oid"]]
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            paths.append(value["path"])
        self.hub.commits.append((repo, message, sorted(paths)))
        self.reply(
            {"success": True, "commitOid": COMMIT, "commitUrl": f"{self.hub.url}/{repo}/commit/{COMMIT}"}
        )

    def reply(self, value: Any, *, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
