"""kill -9 while saving, fifty times: every state that is found loads, and what was half-written is swept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from vitdemo.files import sweep

ROOT = Path(__file__).parents[2]
# A process of its own, because forking this one, which has threads, would not be safe.
PROGRAM = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from train.checkpoint import load_state, save_state

torch.set_num_threads(1)  # a forked process would wait for the others, which it has not got
folder, step, left = Path(sys.argv[1]), 0, 0
folder.mkdir()
waits = random.Random(0)


def save(step):
    tensors = {name: torch.full((50_000,), float(step)) for name in ("model", "ema")}
    save_state(folder, tensors=tensors, progress={"step": step})


begin = time.perf_counter()
for step in range(1, 4):
    save(step)
each = (time.perf_counter() - begin) / 3
for _ in range(50):
    child = os.fork()
    if not child:
        while True:
            step += 1
            save(step)
    time.sleep(waits.uniform(0.2, 4.0) * each)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    left += len([path for path in folder.iterdir() if path.name.startswith(".tmp") or path.suffix == ".part"])
    found = load_state(folder)
    tensors, progress = found
    assert all(bool((tensor == progress["step"]).all()) for tensor in tensors.values()), progress
    assert progress["step"] >= step
    step = progress["step"]
print(step, left)
"""


def test_a_run_that_is_killed_while_saving_keeps_a_whole_state(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    saved, left = map(int, done.stdout.split())
    assert saved >= 10
    assert left > 0, "no kill met a file that was being written"
    (folder / "notes.txt").write_text("the user's")
    sweep(folder)
    names = {path.name for path in folder.iterdir()}
    assert {name for name in names if not name.startswith("state-")} == {"state.json", "notes.txt"}
