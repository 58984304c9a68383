"""The app on a public port: its options, the gate before gradio's server, its temporary files, its end."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path

from vitdemo.cores import share_cores
from vitdemo.serving.log import start_log
from vitdemo.serving.memory import share_heaps
from vitdemo.serving.options import Options, parse
from vitdemo.serving.stubs import without_stubs
from vitdemo.serving.temporary import keep_folder

__all__ = ["main"]


def main() -> None:
    """Run the app until SIGTERM or SIGINT, then end with 0; with one sentence and 2 if it cannot start."""
    options, stop = parse(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    start_log()
    share_heaps()
    share_cores()
    try:
        check_port(options)  # before anything is loaded
        with keep_folder() as files:
            with without_stubs():
                from vitdemo.serving.run import run  # gradio looks for its folder when it is imported

            run(options, files=files, stop=stop)
    except (OSError, ValueError) as error:
        print(f"{Path(sys.argv[0]).name}: error: {describe_error(error)}", file=sys.stderr)
        sys.exit(2)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # a network that still runs cannot be stopped, and must not find Python gone


def check_port(options: Options) -> None:
    """Raise OSError where the port that was asked for is taken."""
    if options.port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", options.port))  # gradio looks there, too
        except (OSError, OverflowError):
            raise OSError(f"port {options.port} is taken or may not be used; name another") from None


def describe_error(error: Exception) -> str:
    """Return what was wrong, and of an error of the system with which file."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": {error.filename}" if error.filename else "")
    return str(error)
