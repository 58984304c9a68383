"""Try a recipe in small, on the CPU, and leave nothing behind: `python -m train --recipe NAME --dry-run`."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import torch

from train.config import TrainConfig
from train.fit import validate
from train.network import build_network
from train.resnet import ResNet9, ResNetConfig
from train.run import Run
from train.setup import find_start
from train.splits import AnySplit, load_splits
from train.teacher import has_teacher, save_teacher
from train.watch import check_log
from vitdemo.config import ViTConfig
from vitdemo.datasets import DATASETS
from vitdemo.models import VisionTransformer
from vitdemo.registry import MODELS
from vitdemo.weights import Terms, WeightsError, is_cached, locate_model, save_model
from vitdemo.weights.names import resolve_name

# Few: a processor without the low precisions takes seconds for one picture of a large network.
PICTURES, BATCH, STEPS = 12, 4, 3
NARROW = (8, 16, 16, 32)  # of the teacher that stands in
PRECISIONS = ("fp32", "bf16", "fp16")


def load_few(config: TrainConfig) -> dict[str, AnySplit]:
    """Return a few pictures of each split. Raise as `load_splits` does of all."""
    here = replace(config, data=replace(config.data, resident=True))
    return load_splits(here, torch.device("cpu"), most=PICTURES)


def make_stand_ins(config: TrainConfig, folder: Path, *, classes: tuple[str, ...]) -> TrainConfig:
    """Return `config` on the CPU, with all output below `folder` and random networks as what it builds on."""
    small = replace(
        config,
        runs=str(folder / "runs"),
        out="",
        device="cpu",
        batch_size=BATCH,
        accumulate=min(config.accumulate, 2),
        compile=False,
        max_steps=STEPS,
        log="none",
    )
    if config.init_from:
        assert isinstance(config.model, ViTConfig)
        dense = build_network(replace(config.model, prune=None, attention="softmax", local_kernel=0))
        assert isinstance(dense, VisionTransformer)
        data = replace(DATASETS[config.data.dataset].data, img_size=config.model.img_size)
        start = folder / "start"
        save_model(start, model=dense, name="start", data=data, classes=classes)
        small = replace(small, init_from=str(start))
    if config.distil.teacher:
        model = ResNet9(ResNetConfig(num_classes=config.model.num_classes, widths=NARROW))
        save_teacher(small.runs_dir / config.distil.teacher, model=model, accuracy=0.0, seconds=0.0)
    return small


def tell_stand_ins(config: TrainConfig) -> None:
    """Print a line for each network that a random one stands in for, and whether it is there."""
    teacher = config.distil.teacher if config.distil.weight else ""
    for key, name, there in (
        ("init_from", config.init_from, lambda: is_at_hand(find_start(config))),
        ("distil.teacher", teacher, lambda: has_teacher(config.runs_dir / teacher)),
    ):
        if name:
            missing = "" if there() else "; it is not here, and the real run needs it"
            print(f"{key}={name}: a random network stands in for it{missing}")


def is_at_hand(name: str) -> bool:
    """Return whether the network `name`, as `load_model` takes it, needs no download."""
    source = MODELS[name].source if name in MODELS and MODELS[name].on_hub else name
    try:
        if resolve_name(source).startswith("hf-hub:"):
            return is_cached(source)
        locate_model(source, terms=Terms())
    except WeightsError:
        return False
    return True


def take_steps(config: TrainConfig, splits: dict[str, AnySplit]) -> Run:
    """Return a run after its three steps, and print a line."""
    run, losses = Run(config, splits=splits), []
    run.learner.model.train()
    for number in range(STEPS):
        seen = run.train_step((torch.arange(BATCH) + number * BATCH) % len(splits["train"]))
        losses.append(sum(value.item() for key, value in seen.items() if key != "accuracy"))
        run.step += 1
    shown = ", ".join(f"{loss:.3f}" for loss in losses)
    print(f"{config.precision}: {STEPS} steps, losses {shown}, {run.skipped} skipped")
    val = round(validate(run), 2)
    run.history.append({"epoch": 1, "step": STEPS, "val": val, "seconds": 0, "loss": losses[-1]})
    return run


def dry_run(config: TrainConfig, finish: Callable[[Run], Path]) -> None:
    """Try three steps in each precision, an evaluation and an export on a few pictures; print a line each.

    Random networks stand in for the teacher and for the weights to start from, which is said; bf16 and fp16
    are the CPU's autocast. `finish` is what a real run ends with. Raise as that does before its first step:
    where pictures are missing or are other ones, or where `log` needs what is not installed.
    """
    check_log(config)
    splits = load_few(config)
    tell_stand_ins(config)
    with tempfile.TemporaryDirectory() as folder:
        small = make_stand_ins(config, Path(folder), classes=splits["train"].classes)
        runs = [take_steps(replace(small, precision=precision), splits) for precision in PRECISIONS]
        print(f"evaluation: {runs[0].history[0]['val']:.1f} % of {len(splits['val'])} pictures")
        with redirect_stdout(io.StringIO()):
            exported = finish(runs[0])
        size = sum(file.stat().st_size for file in exported.rglob("*") if file.is_file())
        print(f"export: {size / 1e6:.2f} MB, removed again")
