"""The log: one JSON object a line. It names no picture, no file of a visitor and no address."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import datetime, timezone
from typing import Any

SERVER = ("uvicorn", "uvicorn.error", "uvicorn.access")  # which has handlers of its own
LONGEST = 200  # letters of what others have to say


class Lines(logging.Formatter):
    """A record as JSON: its `facts`, if it has any, else the first line of its message.

    Of an error its kind and where it came from, but not its words, which may name a visitor's file.
    """

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        facts = getattr(record, "facts", None) or {"message": record.getMessage().split("\n")[0][:LONGEST]}
        line: dict[str, Any] = {"time": at, "level": record.levelname.lower(), **facts}
        if record.exc_info and record.exc_info[1]:
            frames = traceback.extract_tb(record.exc_info[1].__traceback__)
            line["error"] = type(record.exc_info[1]).__name__
            line["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line)


def start_log() -> None:
    """Have what this package has to say go to stderr from now on, and what worries others."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    logging.getLogger().handlers = [handler]
    log = logging.getLogger("vitdemo")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)


def join_server() -> None:
    """Have what worries the server go the same way; to be called once it runs, which makes handlers."""
    for name in SERVER:
        log = logging.getLogger(name)
        log.handlers, log.propagate = [], True
