"""`python -m train --recipe NAME [key=value ...] [--resume]`: trains, tests once, and exports the weights."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from train.config import load_recipe
from train.evaluate import accuracy
from train.report import judge, run_facts, write_report
from train.resnet import ResNet9
from train.step import Run
from train.teacher import save_teacher
from vitdemo.datasets import DATASETS
from vitdemo.registry import MODELS
from vitdemo.weights import load_model, save_model


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
    spec, folder = DATASETS[config.dataset], Path(config.out) / config.name
    save_model(folder, model=model, name=config.name, data=spec.data, classes=spec.classes)
    known = config.name in MODELS
    loaded = load_model(
        config.name if known else str(folder), models_dir=Path(config.out), device=str(run.device)
    )
    metrics = judge(loaded, run.splits["test"]) | run_facts(config, run.device)
    metrics |= {"seconds": round(run.seconds), "skipped_steps": run.skipped, "history": run.history}
    write_report(folder, loaded=loaded, metrics=metrics)
    print(f"{folder}: {metrics['accuracy']:.2f} % on the test split, {run.seconds / 60:.0f} minutes")
    return folder


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    parser.add_argument("--recipe", required=True, help="a file of train/recipes, without .toml")
    parser.add_argument("--resume", action="store_true", help="go on from the state saved last")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="e.g. epochs=3 model.depth=4")
    options = parser.parse_args(arguments)
    try:
        run = Run(load_recipe(options.recipe, options.overrides))
        if options.resume:
            run.resume()
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: run.stop())
    run.fit()
    finish(run)


if __name__ == "__main__":
    main()
