"""Tensors and their index in a folder: safetensors + JSON, written atomically."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.optim import Optimizer

from vitdemo.files import replace_file, write_atomically
from vitdemo.weights.shelf import EXPORT

INDEX, FACTS = "state.json", "config.json"
MAPS = "maps"  # the folder of what `train.maps` draws


def save_tensors(path: Path, tensors: dict[str, Tensor], *, metadata: dict[str, str] | None = None) -> None:
    """Write `tensors` as safetensors, atomically. Raise OSError naming `path` where it cannot be written."""
    plain = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    with replace_file(path) as part:
        save_file(plain, part, metadata)


def optimizer_tensors(optimizers: list[Optimizer]) -> dict[str, Tensor]:
    """Return every tensor of the optimisers' states under a flat name."""
    tensors = {}
    for number, optimizer in enumerate(optimizers):
        for index, state in optimizer.state_dict()["state"].items():
            for key, value in state.items():
                tensors[f"optimizer.{number}.{index}.{key}"] = torch.as_tensor(value)
    return tensors


def load_optimizers(optimizers: list[Optimizer], tensors: dict[str, Tensor]) -> None:
    """Give optimisers what `optimizer_tensors` returned; groups and rates come from the config."""
    for number, optimizer in enumerate(optimizers):
        whole = optimizer.state_dict()
        for name, value in tensors.items():
            kind, *rest = name.split(".", 3)
            if kind == "optimizer" and int(rest[0]) == number:
                whole["state"].setdefault(int(rest[1]), {})[rest[2]] = value
        optimizer.load_state_dict(whole)
        for parameter, state in optimizer.state.items():
            for key, value in state.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    # In the parameter's own memory format, which a file does not keep and fused kernels want.
                    state[key] = torch.empty_like(parameter).copy_(value)


def save_state(folder: Path, *, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
    """Write one resumable state.

    The JSON goes last and names its tensors, so a stop in between loses nothing.
    Raise OSError naming the file that cannot be written; the state saved before is then as it was.
    """
    file, index = folder / f"state-{progress['step']}.safetensors", folder / INDEX
    try:
        save_tensors(file, tensors)
        write_atomically(index, json.dumps({**progress, "file": file.name}, indent=1))
    except OSError as error:
        kept = (
            f"the state saved before, in {folder}, is intact"
            if index.is_file()
            else "no state was saved before"
        )
        raise OSError(f"{error}; {kept}") from error
    for old in folder.glob("state-*.safetensors"):
        if old != file:
            old.unlink()


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return the state saved last, or None where there is none. Raise ValueError for one that is damaged."""
    path = folder / INDEX
    if not path.is_file():
        return None
    try:
        progress = json.loads(path.read_text(encoding="utf-8"))
        return load_file(folder / progress["file"]), progress
    except (ValueError, KeyError, TypeError, OSError, SafetensorError) as error:
        raise ValueError(f"{path} does not lead to a whole state ({error})") from error


def set_aside(folder: Path) -> Path | None:
    """Move state, maps and export of the run before to where a new run in `folder` leaves them alone.

    Return where that is, None where there is none of them.
    """
    if not any((folder / name).exists() for name in (INDEX, MAPS, EXPORT)):
        return None
    kept = next(path for path in (folder / f"before-{n}" for n in count(1)) if not path.exists())
    kept.mkdir()
    parts = [*folder.glob("state-*.safetensors"), *(folder / name for name in (EXPORT, MAPS, FACTS, INDEX))]
    for path in parts:
        if path.exists():
            path.rename(kept / path.name)
    return kept
