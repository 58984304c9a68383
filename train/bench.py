"""Compare images a second in training: this trainer against a plain loop, in turn in one process.

`python -m train.bench [--model cifar-cpu] [--batch-size 256] [--steps N] [--rounds N] [--json]`

The plain loop is written as tutorials write it: torchvision's transforms picture by picture in a DataLoader,
autocast, AdamW, `loss.item()` at every step. It trains the same network, and timm's of the same size.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from train.network import choose_precision
from train.rivals import HALF, NAMES, PLAIN, Contestant, list_contestants, make_base_config, write_synthetic
from train.watch import mfu
from vitdemo.config import ViTConfig
from vitdemo.cost import macs, parameters
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.machine import describe_hardware
from vitdemo.processes import take_device
from vitdemo.registry import PRESETS

WARM_UP = 2  # steps of each turn that are not measured: a loader's workers start, a compiler compiles
GPU_WARM_UP = 8  # a CUDA graph is recorded too


def time_turns(
    rivals: list[Contestant], *, batch_size: int, steps: int, rounds: int, device: torch.device
) -> dict[str, list[float]]:
    """Return images a second of each, a number a round; every round gives all a turn, so drift is shared."""
    speeds: dict[str, list[float]] = {rival.name: [] for rival in rivals}
    for _ in range(rounds):
        for rival in rivals:
            turn = rival.begin()
            for _ in range(GPU_WARM_UP if device.type == "cuda" else WARM_UP):
                next(turn)
            wait(device)
            start = perf_counter()
            for _ in range(steps):
                next(turn)
            wait(device)
            speeds[rival.name].append(steps * batch_size / (perf_counter() - start))
            del turn  # a loader's workers stop, so that they do not load while another is measured
    return speeds


def wait(device: torch.device) -> None:
    """Wait until a GPU has done its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def summarise(speeds: dict[str, list[float]], *, model: ViTConfig, device: str) -> list[dict[str, Any]]:
    """Return a row for each: median and spread, median over rounds of its ratio to the plain loop, MFU.

    MFU is in [0, 1], and None on a processor of unknown peak and where patches are dropped.
    """
    rows = []
    for name, own in speeds.items():
        middle = statistics.median(own)
        share = None if name == HALF else mfu(middle, macs=macs(model), device=device)
        against = statistics.median(a / b for a, b in zip(own, speeds[PLAIN], strict=True))
        rows.append({
            "name": name, "images_per_s": round(middle, 1), "n": len(own), "min": round(min(own), 1),
            "max": round(max(own), 1), "times_plain": round(against, 3),
            "mfu": None if share is None else round(share, 4),
        })  # fmt: skip
    return rows


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """Return everything that is printed. Raise ValueError or OSError for a bad option or missing data."""
    if options.model not in PRESETS:
        raise ValueError(f"model must be one of {', '.join(PRESETS)}, got {options.model!r}")
    if min(options.batch_size, options.rounds) < 1 or options.steps < 0 or options.workers < 0:
        raise ValueError("batch-size and rounds must be at least 1, steps and workers at least 0")
    device = take_device(options.device)
    on_gpu = device.type == "cuda"
    model = replace(PRESETS[options.model], num_classes=len(CIFAR10_CLASSES))
    steps = options.steps or (100 if on_gpu else 5)
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or write_synthetic(Path(folder))
        config = make_base_config(model, data=data, batch_size=options.batch_size, device=str(device))
        rivals = list_contestants(config, compiled=options.compile == "yes", workers=options.workers)
        speeds = time_turns(
            rivals, batch_size=options.batch_size, steps=steps, rounds=options.rounds, device=device
        )
    return {
        "model": options.model,
        "parameters": parameters(model),
        "tokens": model.num_patches + model.num_prefix_tokens,
        "batch_size": options.batch_size,
        "steps": steps,
        "rounds": options.rounds,
        "hardware": describe_hardware(device),
        "precision": NAMES[choose_precision(config, device)],
        "torch": torch.__version__,
        "data": "given" if options.data else "synthetic",
        "rows": summarise(speeds, model=model, device=describe_hardware(device)),
    }


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m train.bench", description=__doc__)
    parser.add_argument("--model", default="cifar-cpu", help=f"a size preset: {', '.join(PRESETS)}")
    parser.add_argument("--batch-size", default=256, type=int)
    parser.add_argument("--steps", default=0, type=int, help="measured a turn; 0 = 100 on a GPU, else 5")
    parser.add_argument("--rounds", default=5, type=int, help="turns of each")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--data", type=Path, help="folder with CIFAR-10; without it the pictures are noise")
    parser.add_argument("--workers", default=2, type=int, help="processes of the plain loop's DataLoader")
    parser.add_argument("--compile", default="yes", choices=("yes", "no"), help="this trainer compiled too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    try:
        result = bench(options)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    if options.json:
        print(json.dumps(result))
        return
    print(f"{result['model']}, batch {result['batch_size']}, {result['precision']}, {result['hardware']}")
    for row in result["rows"]:
        share = "" if row["mfu"] is None else f"  MFU {row['mfu']:.1%}"
        spread = f"{row['min']:.1f} to {row['max']:.1f}, n = {row['n']}"
        speed = f"{row['images_per_s']:>10.1f} images/s ({spread})"
        print(f"{row['name']:<34}{speed}  x {row['times_plain']:.2f}{share}")


if __name__ == "__main__":
    main()
