"""Stops and failures: nothing that was learned is lost, and the message says what happened."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.forked import Forked
from tests.train.short import train_short
from train import checkpoint
from train.export import finish
from train.fit import fit
from train.recipe import load_recipe
from train.resume import resume_run, save_run
from train.run import Run


def list_values(run: Run) -> list[torch.Tensor]:
    modules = (run.learner.model, run.learner.update.ema)
    return [value.clone() for module in modules for value in module.state_dict().values()]


RESNET = ["model.widths=[4, 8, 8, 8]", "batch_size=40", "precision=fp32"]


@pytest.mark.parametrize("recipe", ["cifar10_vit", "cifar10_resnet"])
def test_a_step_without_finite_gradients_is_skipped_and_counted(recipe: str, tiny: list[str]) -> None:
    """The ResNet's batch norms have seen the pictures by then; their statistics are put back."""
    own = tiny if recipe == "cifar10_vit" else [*tiny[:4], *RESNET]
    run = Run(load_recipe(recipe, [*own, "max_steps=4"]))
    run.learner.model.train()
    before = list_values(run)
    run.splits["train"].std.fill_(0.0)
    run.train_step(torch.arange(40))
    assert run.skipped == 1
    assert all(torch.equal(a, b) for a, b in zip(before, list_values(run), strict=True))


def test_three_steps_in_a_row_stop_the_run_and_keep_the_weights(tiny: list[str]) -> None:
    words = [*tiny, "max_steps=30", "epochs=6"]
    run = Run(load_recipe("cifar10_vit", words))
    run.train_step(torch.arange(40))
    run.step += 1
    before = list_values(run)
    run.splits["train"].std.fill_(0.0)
    with pytest.raises(SystemExit, match=r"stopped at step 5; three steps in a row .* lower lr"):
        fit(run)
    again = Run(load_recipe("cifar10_vit", words))
    resume_run(again)
    assert (again.step, again.skipped) == (5, 4)
    assert all(torch.equal(a, b) for a, b in zip(before, list_values(again), strict=True))


@contextmanager
def limit_files(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: a real write fails, as on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("full", ["disk", "limit"])
def test_a_full_disk_names_the_file_and_spares_the_state_before(
    full: str, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(load_recipe("cifar10_vit", [*tiny, "max_steps=4"]))
    folder = run.config.run_dir
    run.step = 1
    save_run(run)
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    run.train_step(torch.arange(40))
    run.step = 2
    message = r"state-2\.safetensors: .*the state saved before, in .*, is intact"
    if full == "disk":

        def refuse(tensors: Any, path: Path, metadata: Any) -> None:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(checkpoint, "save_file", refuse)
        with pytest.raises(OSError, match=message.replace(": .*", ": No space left on device; ")):
            save_run(run)
    else:
        with limit_files(10_000), pytest.raises(OSError, match=message):
            save_run(run)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == kept


def test_a_full_disk_at_the_small_file_spares_the_state_too(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(load_recipe("cifar10_vit", [*tiny, "max_steps=4"]))
    run.step = 1
    save_run(run)
    run.step = 2

    def refuse(path: Path, text: str, encoding: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(OSError, match=r"state\.json: No space left on device; .*intact"):
        save_run(run)
    again = Run(run.config)
    resume_run(again)
    assert again.step == 1


def test_a_full_disk_at_the_export_names_the_weights_and_leaves_no_half_of_them(
    tiny: list[str], tmp_path: Path
) -> None:
    run = Run(load_recipe("cifar10_vit", [*tiny, "max_steps=4"]))
    with (
        limit_files(10_000),
        pytest.raises(OSError, match=r"^cannot write \S*cifar10/export/model\.safetensors: "),
    ):
        finish(run)
    assert not [path for path in run.config.run_dir.iterdir() if "export" in path.name]


def test_what_is_resumed_has_the_memory_format_of_its_weights(data: Path, tmp_path: Path) -> None:
    words = [f"data.folder={data}", f"runs={tmp_path}", "device=cpu", "precision=fp32", "batch_size=40"]
    config = load_recipe("cifar10_resnet", [*words, "max_steps=4", "model.widths=[4, 8, 8, 8]"])
    run = Run(config)
    run.train_step(torch.arange(40))
    run.step = 1
    save_run(run)
    again = Run(config)
    resume_run(again)
    own, other = (r.learner.update.optimizers[0].state for r in (run, again))
    networks = (run.learner.model, again.learner.model)
    for before, after in zip(*(network.parameters() for network in networks), strict=True):
        one, two = own[before]["momentum_buffer"], other[after]["momentum_buffer"]
        assert torch.equal(one, two)
        assert one.stride() == two.stride() == after.stride()


def read_step(state: Path) -> int:
    return json.loads(state.read_text())["step"] if state.is_file() else 0


def wait_past(step: int, state: Path) -> None:
    deadline = time.monotonic() + 200
    while read_step(state) <= step and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_killed_and_a_terminated_run_end_as_the_undisturbed_one(tiny: list[str], tmp_path: Path) -> None:
    total = 150  # six epochs of 25 steps
    words = ["--recipe", "cifar10_vit", *tiny, f"max_steps={total}", "epochs=6", "batch_size=8"]
    words += ["model.depth=2", "model.embed_dim=16", "model.drop_path_rate=0.1", "log=none"]
    config = load_recipe("cifar10_vit", words[2:])
    state = config.run_dir / "state.json"

    run = Forked(train_short, words)
    wait_past(0, state)
    run.process.kill()
    run.wait()
    killed = read_step(state)
    assert 0 < killed < total

    run = Forked(train_short, [*words, "--resume"])
    wait_past(killed, state)
    run.process.terminate()
    assert run.wait() == 1
    stopped = read_step(state)
    assert f"stopped at step {stopped}; --resume goes on" in run.read("stderr")
    assert killed < stopped < total

    resumed = Run(config)
    resume_run(resumed)
    whole = Run(replace(config, runs=str(tmp_path / "whole")))
    for run in (resumed, whole):
        fit(run)
        assert run.step == total
    assert all(torch.equal(a, b) for a, b in zip(list_values(resumed), list_values(whole), strict=True))
