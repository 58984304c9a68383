"""The loop: epochs of steps, watched; after some of them a validation and a saved state."""

from __future__ import annotations

import json
import statistics
import time
from contextlib import closing
from typing import Any

import torch

from train.checkpoint import FACTS
from train.data import epoch_order
from train.evaluate import count_hits
from train.maps import keep_frame, write_film
from train.report import collect_facts
from train.resume import save_run
from train.run import Run
from train.watch import Watch
from vitdemo.files import write_atomically

LOG_EVERY = 10  # steps between reads of the loss, each of which waits for the device
BROKEN_RUN = (
    "three steps in a row had no finite gradients. The weights are sound: try a lower lr, a longer warmup or "
    "precision=fp32"
)


def fit(run: Run) -> None:
    """Take all remaining steps, and save the state every `val_every` epochs, at the end, and at a stop.

    A stop exits with a message. Raise ValueError for an objective without the network that it asks.
    """
    if run.config.objective != "classify" and run.learner.dense is None:
        raise ValueError(f"objective={run.config.objective} needs init_from: the network to learn from")
    if run.world.writes:
        facts = collect_facts(run.config, run.device)
        write_atomically(run.config.run_dir / FACTS, json.dumps(facts, indent=1) + "\n")
    run.learner.model.train()
    watching = Watch(run.config, step=run.step, total=run.total, world=run.world)
    with closing(run.batches), closing(watching) as watch:
        while run.step < run.total:
            row = finish_epoch(run, watch)
            run.history.append(row)
            watch.write_row(run.step, row)
            if run.draws:
                watch.show(run.step, {"maps": keep_frame(run)})
            if "val" in row:
                save_run(run)
    if run.draws:
        write_film(run)


def finish_epoch(run: Run, watch: Watch) -> dict[str, Any]:
    """Take the rest of the epoch, validate if it is due, and return the epoch's row of the history."""
    number, first = divmod(run.step, run.steps_per_epoch)
    order = epoch_order(len(run.splits["train"]), seed=run.config.seed, epoch=number).to(run.device)
    size, start = run.config.batch_size, time.perf_counter()
    end = min(run.steps_per_epoch, first + run.total - run.step)
    logged: list[dict[str, float]] = []
    batches = [order[index * size : (index + 1) * size] for index in range(first, end)]
    run.batches.begin(batches, epoch=number)
    watch.begin()
    for index, rows in enumerate(batches, first):
        run.train_step(rows)
        run.step += 1
        watch.bar.update()
        alone = run.stopping and run.world.size == 1  # several processes must stop at the same step
        if run.step % LOG_EVERY == 0 or index == end - 1 or alone:
            means, broken, stop = run.tally.read(run.world, stopping=run.stopping)
            logged.append(means)
            watch.log(run.step, means | {"skipped": run.skipped}, macs=run.macs, device=run.device)
            if broken or stop:
                run.seconds += time.perf_counter() - start
                leave(run, BROKEN_RUN if broken else "--resume goes on")
    run.seconds += time.perf_counter() - start
    row: dict[str, Any] = {"epoch": number + 1, "step": run.step}
    if (number + 1) % run.config.val_every == 0 or run.step >= run.total:
        row["val"] = round(validate(run), 2)
    row["seconds"] = round(run.seconds)
    sound = [means for means in logged if means]
    terms = [key for key in sound[0] if key != "accuracy"] if sound else []
    return row | {key: round(statistics.fmean(means[key] for means in sound), 4) for key in terms}


def leave(run: Run, advice: str) -> None:
    """Save and exit as a failure, with one message."""
    save_run(run)
    if run.draws:
        write_film(run)
    raise SystemExit(f"stopped at step {run.step}; {advice}" if run.world.writes else 1)


def validate(run: Run) -> float:
    """Return top-1 accuracy in percent of the moving average on the held-out pictures.

    Each process looks at a share of them, which may be empty.
    """
    val = run.splits["val"]
    own = count_hits(run.learner.averaged, val.part(slice(run.world.rank, None, run.world.size)))
    count = run.world.sum(torch.tensor(own, dtype=torch.double, device=run.device))
    return 100 * count.item() / len(val)
