"""What a run leaves: the predictors beside the unchanged weights, or beside their address on the Hub."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from vitdemo.files import replace_file, write_atomically
from vitdemo.kinds import to_json
from vitdemo.models import DynamicViT
from vitdemo.weights import LoadedModel, hub
from vitdemo.weights.familiarity import FILE as FAMILIARITY
from vitdemo.weights.predictors import BASE, KEY, PREDICTORS, read_base
from vitdemo.weights.reading import CONFIG, PREPROCESSOR, WEIGHTS, hash_file, read_json
from vitdemo.weights.records import PREDICTOR

BESIDE = (PREPROCESSOR, FAMILIARITY)  # what belongs to the weights besides


def find_home(loaded: LoadedModel) -> Path:
    """Return the folder, or that in the Hub's cache, which `loaded` was read from.

    Raise ValueError where it holds predictors without weights.
    """
    if loaded.folder is not None:
        home = loaded.folder
    else:
        cached = hub.find_cached(hub.read_address(loaded.origin.source))
        assert cached is not None, "it was read from there"
        home = cached.folder
    if base := read_base(home, label=home.name):
        raise ValueError(f"init: {loaded.origin.source} holds predictors alone; name their network, {base}")
    return home


def save_predictors(folder: Path, *, network: DynamicViT, loaded: LoadedModel, name: str) -> None:
    """Fill `folder` with the predictors of `network`, in 16 bits, and what they are for: `loaded`.

    A network of the Hub stays there, and its commit is written down; files of a folder are copied byte for
    byte, and its config.json gets one key more. Raise OSError naming a file that cannot be written.
    """
    home = find_home(loaded)
    state = {
        key: value.detach().to("cpu", torch.float16).contiguous()
        for key, value in network.state_dict().items()
        if key.startswith(PREDICTOR)
    }
    assert network.config.prune is not None
    told = {"name": name, **to_json(network.config.prune)}
    with replace_file(folder / PREDICTORS) as part:
        save_file(state, part, metadata={"format": "pt"})
        told["sha256"] = hash_file(part)
    if loaded.origin.revision:
        config = {"format": "vitdemo", "version": 1, BASE: loaded.origin.source}
    else:
        copy_files(home, folder)
        config = read_json(home / CONFIG, label=home.name)
        if (home / WEIGHTS).is_file():
            told["weights"] = hash_file(home / WEIGHTS)
    text = json.dumps({**config, KEY: told}, indent=1, ensure_ascii=False)
    write_atomically(folder / CONFIG, text + "\n")


def copy_files(home: Path, folder: Path) -> None:
    """Copy the weights in `home`, in all their files, and what belongs to them."""
    weights = [path for path in hub.list_weights(home) if path.name != PREDICTORS]
    names = [path.name for path in weights]
    if WEIGHTS not in names:
        names += [path.name for path in home.glob("*.index.json")]
    for name in (*names, *BESIDE):
        if (home / name).is_file():
            shutil.copyfile(home / name, folder / name)


def format_card(loaded: LoadedModel, name: str, rows: Sequence[dict[str, float | str]], n: int) -> str:
    """Return the card in the Hub's layout: front matter, what it is, and how well it agrees with itself."""
    repo = loaded.origin.source.removeprefix("hf-hub:").partition("@")[0] if loaded.origin.revision else ""
    selectors = list(dict.fromkeys(row["selector"] for row in rows))
    lines = ["| keep ratio a stage | " + " | ".join(map(str, selectors)) + " |"]
    lines.append("|---" * (len(selectors) + 1) + "|")
    for ratio in dict.fromkeys(row["keep_ratio"] for row in rows):
        cells = [f"{row['agreement']:.2f}" for row in rows if row["keep_ratio"] == ratio]
        lines.append(f"| {ratio} | " + " | ".join(cells) + " |")
    table = "\n".join(lines)
    base = f"base_model: {repo}\n" if repo else ""
    what = (
        "answers as without pruning" if loaded.classes else "cosine of the features with and without pruning"
    )
    return f"""---
library_name: vitdemo
pipeline_tag: image-classification
{base}---
# {name}

Predictors of which patches go on, for {repo or loaded.spec.title}, whose weights are as they were.
They learned from pictures without labels what of the network's attention raises the answers that it
gives itself.

Of {n:,} held-out pictures, in percent, {what}:

{table}
"""
