"""What a finished run leaves: its own export, and where `out` says so a copy beside other networks."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from train.config import TrainConfig
from train.evaluate import measure_accuracy, measure_confidence
from train.familiarity import fit_familiarity, judge_familiarity
from train.predictions import draw_predictions
from train.report import collect_facts, judge, write_report
from train.resnet import ResNet9
from train.run import Run
from train.shelf import load_named
from train.splits import load_split
from train.teacher import save_teacher
from vitdemo.config import DataConfig
from vitdemo.cost import parameters
from vitdemo.files import check_writable, replace_folder, settle
from vitdemo.models import VisionTransformer
from vitdemo.weights import load_model, save_familiarity, save_model
from vitdemo.weights.reading import CONFIG, WEIGHTS, hash_file

FULL_BYTES = 9 * 10**6  # larger weights are stored in 16 bits, so that a folder stays below 10 MB


def finish(run: Run, *, better: bool = False) -> Path:
    """Export the moving average and judge it once on the test split; `better` as for `place`.

    A teacher stays in its run's folder and never sees the test split.
    """
    config, model = run.config, run.learner.averaged.eval()
    if isinstance(model, ResNet9):
        correct = measure_accuracy(model, run.splits["val"])
        save_teacher(config.run_dir, model=model, accuracy=correct, seconds=run.seconds)
        print(f"{config.run_dir}: {correct:.2f} % on held-out pictures, {run.seconds / 60:.0f} minutes")
        return config.run_dir
    with replace_folder(config.export_dir) as folder:
        export(run, model, folder)
    if config.out:
        place(run, better=better)
    return config.export_dir


def save_weights(
    folder: Path, *, model: VisionTransformer, name: str, data: DataConfig, classes: Sequence[str]
) -> None:
    """Write `model` to `folder`, in 16 bits where it is large."""
    half = 4 * parameters(model.config) > FULL_BYTES
    save_model(folder, model=model, name=name, data=data, classes=classes, half=half)


def export(run: Run, model: VisionTransformer, folder: Path) -> None:
    """Fill `folder`: weights, which are loaded back as a user would load them, metrics, card and figures."""
    config, learned = run.config, run.splits["train"]
    save_weights(folder, model=model, name=config.name, data=learned.data, classes=learned.classes)
    loaded = load_named(config.name, folder, device=str(run.device))
    metrics = judge(loaded, run.splits["test"], keep_ratios=config.prune.sweep) | collect_facts(
        config, run.device
    )
    metrics["validation_confidence"] = measure_confidence(loaded.model, run.splits["val"])
    found = fit_familiarity(loaded.model, learned=learned, held_out=run.splits["val"])
    save_familiarity(folder, found)
    metrics["familiarity"] = judge_familiarity(found, loaded, test=run.splits["test"])
    metrics |= {
        "sha256": hash_file(folder / WEIGHTS),
        "seconds": round(run.seconds),
        "skipped_steps": run.skipped,
        "history": run.history,
    }
    write_report(folder, loaded=loaded, metrics=metrics)
    draw_predictions(config.run_dir, loaded=loaded, test=run.splits["test"])
    print(
        f"{config.export_dir}: {metrics['accuracy']:.2f} % on the test split, {run.seconds / 60:.0f} minutes"
    )


def check_place(config: TrainConfig, *, better: bool) -> None:
    """Raise ValueError, before anything runs, where the export could not stand where it is to.

    That is where `out` holds something else of that name, or a network that may not be replaced (`better` is
    false) or that this run cannot be compared with.
    """
    if (config.run_dir / "model.safetensors").exists():
        raise ValueError(f"runs={config.runs_dir} holds the network {config.name}, not a run of that name")
    if config.out:
        settle(config.place)
        check_writable(config.place.parent)
    if better and not config.out:
        raise ValueError("--replace needs out=FOLDER, where the network stands that is to be replaced")
    if not config.out or not config.place.exists():
        return
    if not (config.place / CONFIG).is_file():
        raise ValueError(
            f"out={config.out} holds {config.name} already, which has no {CONFIG}: only a network is replaced"
        )
    if not better:
        raise ValueError(
            f"out={config.out} holds {config.name} already: --replace lets a better one take its place, and "
            f"without out= the export stays in {config.export_dir}"
        )
    known = load_named(config.name, config.place).spec.data.dataset
    if known != config.data.dataset:
        raise ValueError(f"{config.place} knows dataset {known!r}, so that this run cannot be better")


def place(run: Run, *, better: bool) -> None:
    """Copy the export to `out`, under the run's name.

    What is there already makes way only if `better` is true and the new network names more of the held-out
    pictures rightly; else raise ValueError.
    """
    config, device = run.config, str(run.device)
    check_place(config, better=better)
    if config.place.exists():
        standing = load_named(config.name, config.place, device=device)
        own = load_split(standing, Path(config.data.folder), "val", device=run.device)
        old = measure_accuracy(standing.model, own)
        new = measure_accuracy(load_model(str(config.export_dir), device=device).model, run.splits["val"])
        if new <= old:
            raise ValueError(
                f"{config.place} stays: {old:.2f} % of the held-out pictures against {new:.2f} % of this "
                f"run, whose export is in {config.export_dir}"
            )
    with replace_folder(config.place) as folder:
        shutil.copytree(config.export_dir, folder, dirs_exist_ok=True)
    print(f"{config.place}: in place")
