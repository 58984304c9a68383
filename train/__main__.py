"""`python -m train --recipe NAME [key=value ...] [--resume]`: trains, tests once, and exports the weights.

`--dry-run` tries a recipe in small. torchrun starts it on several GPUs.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from train.config import TrainConfig, load_recipe
from train.dry import dry_run
from train.evaluate import accuracy, confidence_percentiles
from train.fit import fit
from train.parallel import device_of, joined
from train.predictions import draw_predictions
from train.report import judge, run_facts, write_report
from train.resnet import ResNet9
from train.step import Run
from train.teacher import save_teacher
from vitdemo.cost import parameters
from vitdemo.registry import MODELS
from vitdemo.weights import load_model, save_model

FULL_BYTES = 9 * 10**6  # larger weights are stored in 16 bits, so that a folder stays below 10 MB


def finish(run: Run) -> Path:
    """Exports the moving average, loads it back as a user would, and judges it once on the test split.

    A teacher stays in its run's folder and never sees the test split.
    """
    config, model = run.config, run.averaged.eval()
    if isinstance(model, ResNet9):
        correct = accuracy(model, run.splits["val"])
        save_teacher(config.run_dir, model=model, accuracy=correct, seconds=run.seconds)
        print(f"{config.run_dir}: {correct:.2f} % on held-out pictures, {run.seconds / 60:.0f} minutes")
        return config.run_dir
    learned, folder = run.splits["train"], Path(config.out) / config.name
    data, classes = learned.data, learned.classes
    half = 4 * parameters(model.config) > FULL_BYTES
    save_model(folder, model=model, name=config.name, data=data, classes=classes, half=half)
    known = config.name in MODELS
    loaded = load_model(
        config.name if known else str(folder), models_dir=Path(config.out), device=str(run.device)
    )
    metrics = judge(loaded, run.splits["test"]) | run_facts(config, run.device)
    metrics["validation_confidence"] = confidence_percentiles(loaded.model, run.splits["val"])
    metrics |= {"seconds": round(run.seconds), "skipped_steps": run.skipped, "history": run.history}
    write_report(folder, loaded=loaded, metrics=metrics)
    draw_predictions(config.run_dir, loaded=loaded, test=run.splits["test"])
    print(f"{folder}: {metrics['accuracy']:.2f} % on the test split, {run.seconds / 60:.0f} minutes")
    return folder


@contextmanager
def stoppable(run: Run) -> Iterator[None]:
    """Within it SIGTERM and Ctrl-C ask the run to save and exit."""
    before = {
        number: signal.signal(number, lambda *_: run.stop()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train(config: TrainConfig, *, resume: bool) -> None:
    """The run from its start, or from the state saved last, to its exported weights."""
    run = Run(config)
    if resume:
        run.resume()
    with stoppable(run):
        fit(run)
    if run.world.writes:
        finish(run)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    parser.add_argument("--recipe", required=True, help="a file of train/recipes, without .toml")
    parser.add_argument("--resume", action="store_true", help="go on from the state saved last")
    parser.add_argument("--dry-run", action="store_true", help="a few steps on random pictures, on the CPU")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="e.g. epochs=3 model.depth=4")
    options = parser.parse_args(arguments)
    try:
        config = load_recipe(options.recipe, options.overrides)
        if options.dry_run:
            dry_run(config, finish)
            return
        with joined(device_of(config.device)):
            train(config, resume=options.resume)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
