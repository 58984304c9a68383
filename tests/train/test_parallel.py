"""One batch: whole, in small parts, or in two processes, the weights are the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.train.alike import ALIKE, measure_distance, train_weights
from tests.train.conftest import run_twice
from train.__main__ import main as train
from train.batches import Batch
from train.parallel import Division
from train.recipe import load_recipe
from train.run import Run
from vitdemo.processes import World, take_device


def test_small_batches_are_one_large_batch(tiny: list[str]) -> None:
    whole = train_weights([*tiny, *ALIKE])
    assert measure_distance(whole, train_weights([*tiny, *ALIKE], steps=3)) > 1e-3
    for count in (2, 5):
        assert measure_distance(whole, train_weights([*tiny, *ALIKE, f"accumulate={count}"])) < 1e-5


@pytest.mark.parametrize(("words", "message"), [(["accumulate=3"], "3 parts"), (["batch_size=4000"], "more")])
def test_a_batch_that_cannot_be_cut_is_refused(words: list[str], message: str, tiny: list[str]) -> None:
    with pytest.raises(ValueError, match=message):
        Run(load_recipe("cifar10_vit", [*tiny, *words]))


def test_two_processes_are_one(tiny: list[str], tmp_path: Path) -> None:
    single = ["--recipe", "cifar10_vit", *tiny, *ALIKE, "maps=1"]
    train(single)
    places = [f"runs={tmp_path / 'two' / 'runs'}"]
    printed = run_twice([*single, *places])
    ours, theirs = (folder / "runs" / "vit_cifar10" / "export" for folder in (tmp_path, tmp_path / "two"))
    found = [load_file(folder / "model.safetensors") for folder in (ours, theirs)]
    assert measure_distance(*found) < 1e-5
    rows = [json.loads((folder / "metrics.json").read_text())["history"] for folder in (ours, theirs)]
    for one, two in zip(*rows, strict=True):
        assert one["val"] == two["val"]
        assert one["cross_entropy"] == pytest.approx(two["cross_entropy"], abs=2e-4)
    assert printed.count("on the test split") == 1  # one writer
    drawn = [sorted(path.name for path in (folder.parent / "maps").iterdir()) for folder in (ours, theirs)]
    assert drawn[0] == drawn[1]


def test_a_process_draws_what_the_same_part_draws_alone(tiny: list[str]) -> None:
    """Pictures, and the random numbers that the network will ask for."""

    def parts(run: Run, rows: torch.Tensor) -> Iterator[Batch]:
        torch.manual_seed(7)
        return run.batches.cut(rows, done=0.0, seed=7)

    run, rows = Run(load_recipe("cifar10_vit", [*tiny, *ALIKE, "accumulate=4"])), torch.arange(40)
    alone = [(part.x, torch.rand(3)) for part in parts(run, rows)]
    assert not torch.equal(alone[0][1], alone[1][1])
    for rank in (0, 1):
        run.batches.division = Division(World(rank, 2), parts=4)
        for part, (x, draw) in zip(parts(run, rows), alone[2 * rank : 2 * rank + 2], strict=True):
            assert torch.equal(part.x, x)
            assert torch.equal(torch.rand(3), draw)


def test_a_process_takes_the_gpu_of_its_own_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert take_device("cuda") == torch.device("cuda:3")
    assert take_device("cpu") == torch.device("cpu")
