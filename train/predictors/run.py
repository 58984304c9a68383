"""A run from end to end: the network, what it makes of the pictures, its predictors, their export."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import torch

from train.checkpoint import set_aside
from train.predictors.config import PredictorsConfig
from train.predictors.export import find_home, format_card, save_predictors
from train.predictors.features import compute_features, read_parts, split_pictures
from train.predictors.judge import judge
from train.predictors.learn import add_fresh, learn
from train.report import PLACES, describe_command, find_revision
from train.shelf import load_named
from vitdemo.files import lock_folder, replace_folder, write_atomically
from vitdemo.kinds import to_json
from vitdemo.machine import describe_hardware
from vitdemo.processes import take_device
from vitdemo.weights import LoadedModel, load_model
from vitdemo.weights.shelf import EXPORT, find_exports

FACTS = "predictors.json"  # how they were made and judged, beside them


def train_predictors(config: PredictorsConfig) -> Path:
    """Train predictors for the network `config.init`, judge and export them, and return where they lie.

    Raise ValueError, OSError or WeightsError, one sentence, for what cannot be used.
    """
    device = take_device(config.device)
    loaded = load_start(config, device)
    config = config if config.name else replace(config, name=name_run(config.init))
    if find_home(loaded).resolve() == config.export_dir.resolve():
        raise ValueError(f"name: {config.name} is what init names; give this run another")
    prune = config.place_stages(loaded.model.config)
    torch.manual_seed(config.seed)
    network, data = add_fresh(loaded.model, prune), loaded.spec.data
    learned, held_out = split_pictures(Path(config.data), learned=config.pictures, judged=config.judged)
    with lock_folder(config.run_dir):
        if kept := set_aside(config.run_dir):
            print(f"{kept} keeps the export of the run before")
        start = time.perf_counter()
        features = compute_features(
            network,
            read_parts(learned, data, what="features"),
            first=prune.prune_loc[0],
            seed=config.seed,
            device=device,
        )
        losses = learn(network, features, config)
        seconds = time.perf_counter() - start
        with replace_folder(config.export_dir) as folder:
            save_predictors(folder, network=network, loaded=loaded, name=config.name)
            joined = load_named(config.name, folder, device=str(device)).model
            parts = read_parts(held_out, data, what="judging")
            rows = judge(joined, parts, ratios=config.sweep, device=device)
            facts = {
                "command": describe_command(),
                "hardware": describe_hardware(device, count=1),
                "git_revision": find_revision(),
                "recipe": {key: value for key, value in to_json(config).items() if key not in PLACES},
                "pictures": len(learned),
                "seconds": round(seconds),
                "losses": losses,
                "judged": rows,
            }
            write_atomically(folder / FACTS, json.dumps(facts, indent=1) + "\n")
            write_atomically(folder / "README.md", format_card(loaded, config.name, rows, len(held_out)))
    for row in rows:
        print(f"keep {row['keep_ratio']:.2f}  {row['selector']:<16}{row['agreement']:6.2f} %  n = {row['n']}")
    print(f"{config.export_dir}: {len(learned):,} pictures, {seconds / 60:.0f} minutes")
    return config.export_dir


def load_start(config: PredictorsConfig, device: torch.device) -> LoadedModel:
    """Return the network `config.init`; a finished run goes before a bundled one of that name."""
    run = find_exports(config.runs_dir).get(config.init)
    return load_model(str(run or config.init), device=str(device))


def name_run(init: str) -> str:
    """Return what a run is called after its network, a folder, a name or an address."""
    folder = Path(init).resolve()
    if folder.is_dir():
        return f"dynamic_{folder.parent.name if folder.name == EXPORT else folder.name}"
    return f"dynamic_{init.partition('@')[0].rpartition('/')[2]}"
