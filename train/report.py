"""What a finished run leaves in its checkpoint folder: metrics.json, figures and the model card.

`python -m train.report --write README.md` writes the table of all checkpoints there, `--sweep-table --write
docs/numbers.md` that of what pruning costs each of them, and `--reductions-table` what merging costs. The
numbers of that one come from `train.evaluate --reductions --store`. `--redraw` makes figures and cards anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
import torchvision

from train.card import format_card
from train.config import TrainConfig, list_settings
from train.data import Pictures
from train.evaluate import COMPARED, confusion_matrix, predict, sweep
from train.options import SWEEP
from train.shelf import list_checkpoints, load_named
from train.times import BATCHES
from vitdemo.cost import macs, parameters
from vitdemo.datasets import DATASETS
from vitdemo.files import write_atomically
from vitdemo.machine import describe_hardware
from vitdemo.markdown import write_block
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.processes import World
from vitdemo.render.plots import plot_classes, plot_confusion, plot_keep_ratios, plot_training
from vitdemo.weights import LoadedModel
from vitdemo.weights.metrics import read_metrics
from vitdemo.weights.store import read_description

SHOWN_RATIO = 0.7
DROPS = (0.7, 0.5)  # keep ratios whose loss of accuracy is stated
CONTROLS = ("class-attention", "random", "inverted")
PLACES = ("data.folder", "runs", "out", "init", "data")  # of this machine alone


def find_revision() -> str:
    """Return the commit of the source that ran.

    It is $VITDEMO_REVISION where the source travelled without its history, else git's word, or "unknown".
    """
    if given := os.environ.get("VITDEMO_REVISION"):
        return given
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    with suppress(FileNotFoundError):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode == 0:
            return result.stdout.strip()
    return "unknown"


def describe_command() -> str:
    """Return the command line, without the paths of this machine."""
    private = tuple(f"{key}=" for key in PLACES)
    return " ".join(["python -m train", *(arg for arg in sys.argv[1:] if not arg.startswith(private))])


def collect_facts(config: TrainConfig, device: torch.device) -> dict[str, Any]:
    """Return who trained what, where, with what: everything but the results."""
    recipe = {key: value for key, value in list_settings(config).items() if key not in PLACES}
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    versions["torchvision"] = torchvision.__version__
    return {
        "command": describe_command(),
        "hardware": describe_hardware(device, count=World.current().size),
        "git_revision": find_revision(),
        "versions": versions,
        "seed": config.seed,
        "recipe": recipe,
    }


def judge(loaded: LoadedModel, test: Pictures, *, keep_ratios: Sequence[float] = SWEEP) -> dict[str, Any]:
    """Measure the test split, once: accuracy, classes, confusion and, if it prunes, keep ratios."""
    model, classes = loaded.model, loaded.classes
    matrix = confusion_matrix(predict(model, test), test.labels, len(classes))
    per_class = 100 * matrix.diag() / matrix.sum(dim=1).clamp(min=1)
    result: dict[str, Any] = {
        "accuracy": round(100 * matrix.diag().sum().item() / len(test), 2),
        "n": len(test),
        "parameters": parameters(model.config),
        "macs": macs(model.config),
        "per_class": {name: round(value, 2) for name, value in zip(classes, per_class.tolist(), strict=True)},
        "confusion": matrix.tolist(),
    }
    if model.config.prune is not None:
        result["sweep"] = sweep(model, test, keep_ratios=keep_ratios)
    return result


def write_report(folder: Path, *, loaded: LoadedModel, metrics: dict[str, Any]) -> None:
    """Write metrics.json, the figures, and README.md: the model card."""
    name, judged = loaded.spec.key, DATASETS[loaded.spec.data.dataset].judged
    figures = {
        "curves.png": plot_training(metrics["history"], title=f"{name}: training"),
        "confusion.png": plot_confusion(
            metrics["confusion"], loaded.classes, title=f"{name}: {judged} pictures (n = {metrics['n']:,})"
        ),
    }
    figures["per_class.png"] = plot_classes(metrics["per_class"], title=f"{name}: accuracy of each class")
    if "sweep" in metrics:
        figures["keep_ratio.png"] = plot_keep_ratios(
            metrics["sweep"], title=f"{name}: accuracy against keep ratio"
        )
    for file, figure in figures.items():
        figure.savefig(folder / file)
    write_atomically(folder / "metrics.json", json.dumps(metrics, indent=1) + "\n")
    write_atomically(folder / "README.md", format_card(loaded, metrics))


def format_sweep(folder: Path) -> str:
    """Return what pruning costs each swept checkpoint in `folder`, and what the learned scores are worth.

    A margin is the learned selector's accuracy less that of the best control at the same keep ratio.
    """
    judged = {key: read_metrics(path) for key, path in list_checkpoints(folder).items()}
    swept = {key: metrics for key, metrics in judged.items() if metrics.get("sweep")}
    found = {row["keep_ratio"] for metrics in swept.values() for row in metrics["sweep"]}
    ratios = sorted((ratio for ratio in found if ratio < 1), reverse=True)
    names = ["model", "n", "dense, %", *(f"drop at {ratio}" for ratio in DROPS)]
    names += [f"margin at {ratio}" for ratio in ratios]
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for key, metrics in swept.items():
        at = {(row["keep_ratio"], row["selector"]): row["accuracy"] for row in metrics["sweep"]}
        tried = {ratio for ratio, _ in at}  # a network that is slow here is judged at fewer ratios
        best = {ratio: max(at[ratio, name] for name in CONTROLS) for ratio in tried if ratio < 1}
        drop = {ratio: f"{at[1.0, 'learned'] - at[ratio, 'learned']:.2f}" for ratio in tried}
        margin = {ratio: f"{at[ratio, 'learned'] - best[ratio]:+.2f}" for ratio in best}
        count = metrics["sweep"][0]["n"]
        cells = [key, f"{count:,}", f"{at[1.0, 'learned']:.2f}"]
        cells += [drop.get(ratio, "") for ratio in DROPS] + [margin.get(ratio, "") for ratio in ratios]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def format_reductions(folder: Path) -> str:
    """Return what dropping, fusing and merging cost each checkpoint in `folder` where that was stored.

    Accuracies stand by the keep ratio of dropping whose work all have, times at the first of these.
    """
    judged = {key: read_metrics(path).get("reductions", []) for key, path in list_checkpoints(folder).items()}
    work = [f"{ratio}, %" for ratio in COMPARED]
    names = ["model", "the others", "n", *work, *(f"{size} at once, ms" for size in BATCHES)]
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for key, rows in judged.items():
        at = {(row["reduction"], row["as_dropping"]): row for row in rows if row["as_dropping"] < 1}
        dense = [("dense", [row] * len(COMPARED)) for row in rows if row["as_dropping"] == 1]
        kinds = [(name, [at[name, ratio] for ratio in COMPARED]) for name in REDUCTIONS if rows]
        for name, points in [*dense, *kinds]:
            cells = [key, name, f"{points[0]['n']:,}", *(f"{point['accuracy']:.2f}" for point in points)]
            cells += [describe_time(points[0]["milliseconds"][str(size)]) for size in BATCHES]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def describe_time(found: dict[str, float] | None) -> str:
    """Return a stored time: median, quartiles and n."""
    if found is None:
        return "busy"
    middle, low, high = (f"{found[name]:.1f}" for name in ("milliseconds", "low", "high"))
    return f"{middle} ({low} to {high}, n = {found['n']})"


def format_models(folder: Path) -> str:
    """Return one row for each checkpoint in `folder`, from its metrics and its description."""
    lines = [
        "| model | parameters | MMAC | test accuracy, % | kept 0.7 a stage, % | trained on |",
        "|---|---|---|---|---|---|",
    ]
    for key, path in list_checkpoints(folder).items():
        metrics, dataset = read_metrics(path), read_description(path, label=key).data.dataset
        pruned = [
            f"{row['accuracy']:.2f} ({row['selector']})"
            for row in metrics.get("sweep", [])
            if row["keep_ratio"] == SHOWN_RATIO
        ]
        fewer = next((row["n"] for row in metrics.get("sweep", []) if row["n"] < metrics["n"]), 0)
        if fewer:
            pruned.append(f"n = {fewer:,}")
        minutes = metrics["seconds"] / 60
        judged = DATASETS[dataset].judged
        split = "" if judged == "test" else f"{judged}, "
        lines.append(
            f"| [{key}](checkpoints/{key}) | {metrics['parameters']:,} | {metrics['macs'] / 1e6:.1f} "
            f"| **{metrics['accuracy']:.2f}** ({split}n = {metrics['n']:,}) | {', '.join(pruned)} "
            f"| {metrics['hardware']}, {minutes:.0f} min, one run |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.report", description=__doc__)
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"), help="or a folder of runs")
    table = parser.add_mutually_exclusive_group()
    chosen: dict[str, Any] = {"dest": "table", "action": "store_const", "default": ("models", format_models)}
    sweeps, reductions = ("sweep", format_sweep), ("reductions", format_reductions)
    table.add_argument("--sweep-table", const=sweeps, help="what pruning costs, instead", **chosen)
    table.add_argument("--reductions-table", const=reductions, help="what merging costs, instead", **chosen)
    parser.add_argument("--redraw", action="store_true", help="figures and cards anew, from metrics.json")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the table in this file")
    options = parser.parse_args(arguments)
    if options.redraw:
        for name, folder in list_checkpoints(options.checkpoints).items():
            write_report(folder, loaded=load_named(name, folder), metrics=read_metrics(folder))
        return
    name, make = options.table
    text = make(options.checkpoints)
    if options.write:
        write_block(options.write, name=name, text=text)
    else:
        print(text)


if __name__ == "__main__":
    main()
