"""The state of a run, kept in its folder and given back."""

from __future__ import annotations

import json
from typing import Any

from train.checkpoint import load_optimizers, load_state, optimizer_tensors, save_state
from train.config import list_settings
from train.run import Run

LENGTH = ("epochs", "max_steps")
FREE = ("name", "data.folder", "data.workers", "runs", "out", "log", "maps")  # of pictures the contents count


def fingerprint(run: Run) -> dict[str, Any]:
    """Return what decides how `run` goes, as JSON keeps it: its recipe by dotted key, and its data.

    Where things lie and what is watched is left out; the data is what their contents give.
    """
    recipe = {key: value for key, value in list_settings(run.config).items() if key not in FREE}
    return {"recipe": json.loads(json.dumps(recipe)), "data": run.contents}


def save_run(run: Run) -> None:
    """Keep the state of `run` in its folder. Of several processes only the one that writes does so.

    Raise OSError, naming the file, where it cannot.
    """
    if not run.world.writes:
        return
    model, update = run.learner.model, run.learner.update
    tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
    tensors |= {f"ema.{key}": value for key, value in update.ema.state_dict().items()}
    tensors |= optimizer_tensors(update.optimizers)
    progress = {"step": run.step, "seconds": run.seconds, "skipped": run.skipped, "history": run.history}
    progress |= {"scaler": update.scaler.state_dict(), **fingerprint(run)}
    save_state(run.config.run_dir, tensors=tensors, progress=progress)


def resume_run(run: Run) -> None:
    """Give `run` the state saved last.

    A run that is longer than the one before goes on from where that one ended, with the learning rate of its
    own schedule. Raise ValueError where there is no state, or of another config.
    """
    folder = run.config.run_dir
    saved = load_state(folder)
    if saved is None:
        raise ValueError(f"nothing to resume in {folder}")
    tensors, progress = saved
    own = fingerprint(run)
    now, begun = own["recipe"], progress.get("recipe", {})
    changed = [key for key in {**now, **begun} if now.get(key) != begun.get(key)]
    if run.total > count_steps(begun, run):
        changed = [key for key in changed if key not in LENGTH]
    if progress.get("data") != own["data"]:
        changed.append("data (other pictures)")
    if changed:
        raise ValueError(f"{folder} holds a run with another configuration: {', '.join(changed)}")
    update = run.learner.update
    for prefix, module in (("model.", run.learner.model), ("ema.", update.ema)):
        module.load_state_dict(
            {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        )
    load_optimizers(update.optimizers, tensors)
    update.scaler.load_state_dict(progress["scaler"])
    run.step, run.seconds = progress["step"], progress["seconds"]
    run.tally.total.fill_(progress["skipped"])
    run.history = progress["history"]


def count_steps(recipe: dict[str, Any], run: Run) -> int:
    """Return how many steps `recipe` has in all on the pictures of `run`; 0 where it does not tell."""
    return recipe.get("max_steps") or recipe.get("epochs", 0) * run.steps_per_epoch
