"""Train a network, test it once and export it: `python -m train --recipe NAME [key=value ...] [--resume]`.

The export lies in the run's folder; `out=FOLDER` copies it there too, where nothing of its name stands yet,
or with `--replace`, where it is better on held-out pictures.
`--dry-run` tries a recipe in small, on a few of its pictures. torchrun starts it on several GPUs.
`--recipe predictors init=NETWORK data=FOLDER` trains predictors alone, for a network that stays as it is.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from train.checkpoint import set_aside
from train.config import TrainConfig
from train.dry import dry_run
from train.export import check_place, finish
from train.fit import fit
from train.predictors.run import train_predictors
from train.recipe import PREDICTORS, load_predictors, load_recipe
from train.resume import resume_run
from train.run import Run
from vitdemo.files import lock_folder, sweep
from vitdemo.processes import join_processes, take_device


@contextmanager
def heed_signals(run: Run) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C ask the run to save and exit, while the context lasts."""
    before = {
        number: signal.signal(number, lambda *_: run.stop()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train(config: TrainConfig, *, resume: bool, better: bool) -> None:
    """Train from the start, or from the state saved last, and export the weights.

    `better`: they may replace worse ones of the same name in `out`.
    """
    check_place(config, better=better)
    run = Run(config)
    with lock_folder(config.run_dir) if run.world.writes else nullcontext():
        if run.world.writes:
            sweep(config.run_dir)
        if resume:
            resume_run(run)
        elif run.world.writes and (kept := set_aside(config.run_dir)):
            print(f"{kept} keeps the state of the run before, its maps and its export")
        with heed_signals(run):
            fit(run)
        if run.world.writes:
            finish(run, better=better)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    parser.add_argument("--recipe", required=True, help="a file of train/recipes, without .toml")
    parser.add_argument("--resume", action="store_true", help="go on from the state saved last")
    parser.add_argument("--dry-run", action="store_true", help="a few steps on a few pictures, on the CPU")
    parser.add_argument(
        "--replace", action="store_true", help="what out= holds makes way for a better network"
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="e.g. epochs=3 optim.lr=1e-3 model.depth=4"
    )
    options = parser.parse_intermixed_args(arguments)
    try:
        if options.recipe == PREDICTORS:
            if options.resume or options.dry_run or options.replace:
                raise ValueError(f"--recipe {PREDICTORS} takes no --resume, --dry-run or --replace")
            train_predictors(load_predictors(options.overrides))
            return
        config = load_recipe(options.recipe, options.overrides)
        if options.dry_run:
            check_place(config, better=options.replace)
            dry_run(config, finish)
            return
        with join_processes(take_device(config.device)):
            train(config, resume=options.resume, better=options.replace)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
