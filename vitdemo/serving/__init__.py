"""The app on a public port: its options, the gate before gradio's server, its temporary files, its end."""

from __future__ import annotations

import signal
import sys
import threading

from vitdemo.serving.log import start_log
from vitdemo.serving.options import parse
from vitdemo.serving.temporary import instance

__all__ = ["main"]


def main() -> None:
    """Runs the app until SIGTERM or SIGINT, then ends with 0; with one sentence and 2 if it cannot start."""
    options, stop = parse(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    start_log()
    try:
        with instance() as files:
            from vitdemo.serving.run import run  # gradio looks for its folder when it is imported

            run(options, files=files, stop=stop)
    except (OSError, ValueError) as error:
        print(f"app.py: error: {said(error)}", file=sys.stderr)
        sys.exit(2)


def said(error: Exception) -> str:
    """Of an error of the system: what was wrong with which file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": {error.filename}" if error.filename else "")
    return str(error)
