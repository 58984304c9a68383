"""From the options to a running server, and to its end."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

from vitdemo.engine import Engine
from vitdemo.serving.gate import Gate
from vitdemo.serving.log import join_server
from vitdemo.serving.memory import give_back
from vitdemo.serving.named import add_networks, await_hub
from vitdemo.serving.options import Options
from vitdemo.serving.server import launch
from vitdemo.serving.temporary import Sweeper
from vitdemo.ui import analyse_first_view, build
from vitdemo.ui.page import Page


def run(options: Options, *, files: Path, stop: threading.Event) -> None:
    """Serve until `stop`. `files`: where gradio keeps its files."""
    limits = options.limits
    engine = Engine(
        device=options.device,
        models_dir=options.models_dir,
        limits=limits,
        alone=options.alone,
    )
    waiting = add_networks(engine.networks, options.models)
    page = build(engine, data_dir=options.data, first=analyse_first_view(engine), limits=limits)

    def forget(seconds: float) -> None:
        engine.forget(seconds)
        page.forget_files()

    sweeper = Sweeper(files, limits=limits, forget=forget)
    gate = launch(
        page,
        options,
        ready=lambda: engine.forwards > 0,
        make_room=sweeper.make_room,
    )
    join_server()
    for work in (sweeper.run, give_back, partial(await_hub, engine.networks, waiting)):
        threading.Thread(target=work, args=(stop,), daemon=True).start()
    stop.wait()
    drain(gate, page, seconds=limits.drain_seconds)


def drain(gate: Gate, page: Page, *, seconds: float) -> None:
    """Let what is in flight end, for so long, and take nothing new; then close the server."""
    gate.stopping = True
    deadline = time.monotonic() + seconds
    while (gate.open or page.running) and time.monotonic() < deadline:
        time.sleep(0.05)
    page.close(verbose=False)
