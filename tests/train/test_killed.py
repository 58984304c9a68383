"""kill -9 while saving, fifty times: every state that is found loads, and what was half-written is swept."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import torch

from tests.forked import Forked
from train.checkpoint import load_state, save_state
from vitdemo.files import sweep


def save(folder: Path, step: int) -> None:
    tensors = {name: torch.full((50_000,), float(step)) for name in ("model", "ema")}
    save_state(folder, tensors=tensors, progress={"step": step})


def save_until_killed(folder: Path, step: int) -> None:
    while True:
        step += 1
        save(folder, step)


def kill_fifty(folder: Path) -> None:
    """Print the step reached, and how many half-written files the kills left."""
    folder.mkdir()
    waits, step, left = random.Random(0), 3, 0
    begin = time.perf_counter()
    for number in range(1, step + 1):
        save(folder, number)
    each = (time.perf_counter() - begin) / step
    for _ in range(50):
        child = os.fork()
        if not child:
            save_until_killed(folder, step)
        time.sleep(waits.uniform(0.2, 4.0) * each)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        names = [path.name for path in folder.iterdir()]
        left += len([name for name in names if name.startswith(".tmp") or name.endswith(".part")])
        found = load_state(folder)
        assert found is not None
        tensors, progress = found
        assert all(bool((tensor == progress["step"]).all()) for tensor in tensors.values()), progress
        assert progress["step"] >= step
        step = progress["step"]
    print(step, left)


def test_a_run_that_is_killed_while_saving_keeps_a_whole_state(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    saver = Forked(kill_fifty, folder)  # forking this process, which has threads, would not be safe
    assert saver.wait() == 0, saver.read("stderr")
    saved, left = map(int, saver.read("stdout").split())
    assert saved >= 10
    assert left > 0, "no kill met a file that was being written"
    (folder / "notes.txt").write_text("the user's")
    sweep(folder)
    names = {path.name for path in folder.iterdir()}
    assert {name for name in names if not name.startswith("state-")} == {"state.json", "notes.txt"}
