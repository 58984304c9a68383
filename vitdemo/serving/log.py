"""The log: one JSON object a line. It names no picture, no file of a visitor and no address."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import datetime, timezone
from typing import Any


class Lines(logging.Formatter):
    """A record as JSON: its `facts`, if it has any, else its message. Of an error its kind and where it came
    from, but not its words, which may name a visitor's file."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        facts = getattr(record, "facts", None) or {"message": record.getMessage()}
        line: dict[str, Any] = {"time": at, "level": record.levelname.lower(), **facts}
        if record.exc_info and record.exc_info[1]:
            frames = traceback.extract_tb(record.exc_info[1].__traceback__)
            line["error"] = type(record.exc_info[1]).__name__
            line["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line)


def start_log() -> None:
    """From now on, what this package has to say goes to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    log = logging.getLogger("vitdemo")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
