"""What a run tells while it runs: means, speed, MFU, logs, and the record of how it began."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from tests.weights.samples import write_own
from train.__main__ import main as train
from train.dry import tell_stand_ins
from train.fit import fit
from train.recipe import load_recipe
from train.resnet import ResNet9, ResNetConfig
from train.run import Run
from train.teacher import save_teacher
from train.watch import Tally, Watch, find_peak, mfu
from vitdemo.cost import macs
from vitdemo.processes import World


class Fake:
    """Stands for a writer of TensorBoard and for a run of Weights & Biases."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.pictures: list[tuple[int, str, tuple[int, ...]]] = []
        self.options: dict[str, Any] = {}
        self.closed = False

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.rows.append((step, {name: value}))

    def add_image(self, name: str, pixels: np.ndarray, step: int, *, dataformats: str) -> None:
        assert dataformats == "HWC"
        self.pictures.append((step, name, pixels.shape))

    def log(self, values: dict[str, Any], *, step: int) -> None:
        if "maps" in values:
            self.pictures.append((step, "maps", values["maps"].shape))
            return
        self.rows.append((step, values))

    def close(self) -> None:
        self.closed = True

    finish = close


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    found = Fake()

    def start(*places: str, **options: Any) -> Fake:
        found.options = {"places": places} | options
        return found

    for name, attribute in (("torch.utils.tensorboard", "SummaryWriter"), ("wandb", "init")):
        module = ModuleType(name)
        setattr(module, attribute, start)
        setattr(module, "Image", np.asarray)  # noqa: B010
        monkeypatch.setitem(sys.modules, name, module)
    return found


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H200", 989e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-40GB", 312e12),
        ("NVIDIA L40S", 362e12),
        ("NVIDIA L4", 121e12),
        ("NVIDIA GeForce RTX 4090", 165e12),
        ("Tesla V100-SXM2-16GB", 125e12),
        ("NVIDIA A10G", 70e12),
        ("GeForce GTX 1080", None),
    ],
)
def test_the_peak_is_that_of_the_gpu_by_name(name: str, peak: float | None) -> None:
    assert find_peak(name) == peak


def test_mfu_by_hand() -> None:
    """55,000 images/s of 360 MMAC are 118.8 TFLOP/s: 12 % of an H200, 6 % of two."""
    assert mfu(55_000, macs=360e6, device="NVIDIA H200") == pytest.approx(0.12012, abs=1e-4)
    assert mfu(55_000, macs=360e6, device="NVIDIA H200", devices=2) == pytest.approx(0.06006, abs=1e-4)
    assert mfu(55_000, macs=360e6, device="a toaster") is None


def test_macs_follow_the_tokens_that_a_step_sees(tiny: list[str]) -> None:
    run = Run(
        load_recipe("cifar10_vit", [*tiny, "max_steps=10", "augment.token_keep=[(0.5, 0.25), (1.0, 1.0)]"])
    )
    small = run.macs
    run.step = 5
    assert run.macs == macs(run.config.model)  # pyright: ignore[reportArgumentType]
    assert small < run.macs / 3


def test_a_tally_means_over_sound_steps_and_knows_three_broken_in_a_row() -> None:
    tally, one = Tally(torch.device("cpu")), torch.tensor(1.0)
    for value in (1.0, float("nan"), 4.0):
        finite = torch.tensor(value == value)
        tally.add({"loss": torch.tensor(value), "other": one}, finite=finite, weight=one)
    assert tally.read(World(), stopping=True) == ({"loss": 2.5, "other": 1.0}, False, True)
    assert tally.total == 1
    broken = torch.tensor(False)
    for _ in range(2):
        tally.add({"loss": one}, finite=broken, weight=one)
    assert tally.read(World(), stopping=False)[1:] == (False, False)
    tally.add({"loss": one}, finite=broken, weight=one)  # the third in a row, across readings
    tally.add({"loss": one}, finite=~broken, weight=one)
    assert tally.read(World(), stopping=False)[1:] == (True, False)
    for _ in range(23):  # fp16 that looks for its scale
        tally.add({"loss": one}, finite=broken, weight=one / 8)
    assert not tally.read(World(), stopping=False)[1]


def test_the_first_step_leaves_the_recipe_revision_and_versions(tiny: list[str]) -> None:
    words = [*tiny, "max_steps=3", "epochs=1"]
    run_dir = load_recipe("cifar10_vit", words).run_dir
    fit(Run(load_recipe("cifar10_vit", words)))
    facts = json.loads((run_dir / "config.json").read_text())
    assert facts["recipe"]["max_steps"] == 3
    assert facts["versions"]["torch"] == torch.__version__
    assert facts["git_revision"]
    assert (run_dir / "config.json").stat().st_mtime <= (run_dir / "state.json").stat().st_mtime


@pytest.mark.parametrize("log", ["auto", "tensorboard", "wandb"])
def test_a_log_gets_losses_accuracy_and_speed(log: str, tiny: list[str], fake: Fake) -> None:
    words = [*tiny, "max_steps=12", "epochs=3", "model.depth=1", "maps=1", f"log={log}"]
    fit(Run(load_recipe("cifar10_vit", words)))
    seen: dict[str, list[int]] = {}
    for step, values in fake.rows:
        for name in values:
            seen.setdefault(name, []).append(step)
    assert fake.closed
    assert seen["cross_entropy"] == seen["accuracy"] == seen["images/s"] == [5, 10, 12]
    assert seen["val"] == [5, 10, 12]
    assert [(step, name) for step, name, _ in fake.pictures] == [(5, "maps"), (10, "maps"), (12, "maps")]
    assert {(shape[1], shape[2]) for _, _, shape in fake.pictures} == {(908, 3)}
    run_dir = load_recipe("cifar10_vit", words).run_dir
    if log == "wandb":
        assert (fake.options["mode"], fake.options["dir"]) == ("offline", str(run_dir))
        assert fake.options["config"]["max_steps"] == 12
    else:
        assert fake.options["places"] == (str(run_dir / "tensorboard"),)


def test_a_log_that_is_not_installed_or_unknown_is_named(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(ValueError, match="pip install wandb"):
        Run(load_recipe("cifar10_vit", [*tiny, "log=wandb"]))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    config = load_recipe("cifar10_vit", tiny)
    assert Watch(config, step=0, total=1, world=World()).writers == []


def test_only_the_first_process_writes(tiny: list[str], fake: Fake) -> None:
    config = load_recipe("cifar10_vit", tiny)
    assert len(Watch(config, step=0, total=1, world=World(0, 2)).writers) == 1
    second = Watch(config, step=0, total=1, world=World(1, 2))
    assert second.writers == []
    assert second.bar.disable


def test_a_dry_run_tries_everything_and_leaves_nothing(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    words = [*tiny, "model.prune={'prune_loc': [1, 2, 3]}"]
    train(["--recipe", "cifar10_dynamicvit", "--dry-run", *words])
    told, *lines = capsys.readouterr().out.splitlines()
    assert told == "init_from=vit_cifar10: a random network stands in for it"
    assert [line.partition(":")[0] for line in lines] == ["fp32", "bf16", "fp16", "evaluation", "export"]
    for line in lines[:3]:
        assert "nan" not in line
        assert line.endswith("0 skipped")
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_what_is_not_here(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real run ends there; of what lies on the Hub nothing is fetched."""
    monkeypatch.setattr("vitdemo.weights.hub.watch", lambda *_: pytest.fail("the Hub was asked"))
    folder, stands = tmp_path / "runs" / "r", "a random network stands in for it"
    missing = f"{stands}; it is not here, and the real run needs it"

    def tell(*words: str) -> list[str]:
        tell_stand_ins(load_recipe("cifar10_vit_taught", [*tiny, *words]))
        return capsys.readouterr().out.splitlines()

    for name in ("nowhere", "deit_tiny", "vit_tiny_patch16_224", "hf-hub:me/mine"):
        assert tell(f"init_from={name}") == [f"init_from={name}: {missing}"]
    taught = ["init_from=", "distil.teacher=r"]
    with pytest.raises(SystemExit, match="error: no teacher in "):
        train(["--recipe", "cifar10_vit_taught", *tiny, *taught])
    assert tell(*taught) == [f"distil.teacher=r: {missing}"]
    assert tell(*taught, "distil.weight=0") == []
    save_teacher(folder, model=ResNet9(ResNetConfig(widths=(4, 4, 4, 4))), accuracy=0.0, seconds=0.0)
    assert tell(*taught) == [f"distil.teacher=r: {stands}"]
    write_own(folder / "export")
    assert tell("init_from=r") == [f"init_from=r: {stands}"]
    assert tell(f"init_from={folder / 'export'}") == [f"init_from={folder / 'export'}: {stands}"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("data.folder=nowhere", "nowhere/cifar-10-batches-py/data_batch_1 is missing"),
        ("model.num_classes=7", "model.num_classes is 7, but CIFAR-10 has 10 classes"),
        ("batch_size=400000", "batch_size=400000 is more than the training pictures there are"),
        ("log=wandb", "log=wandb needs a package: pip install wandb"),
    ],
)
def test_a_dry_run_fails_where_the_real_run_would(
    wrong: str, said: str, tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    for more in (["--dry-run"], []):
        with pytest.raises(SystemExit, match=re.escape(f"error: {said}")):
            train(["--recipe", "cifar10_vit", *more, *tiny, wrong])
