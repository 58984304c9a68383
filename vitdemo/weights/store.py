"""A folder in Hub layout, config.json + model.safetensors: written atomically, read in any known format."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from vitdemo.config import DataConfig
from vitdemo.files import replace_file
from vitdemo.kinds import to_json
from vitdemo.message import Message
from vitdemo.models import VisionTransformer, build_model
from vitdemo.weights.formats import Description, describe
from vitdemo.weights.open_clip import respell
from vitdemo.weights.predictors import PREDICTORS, lay_over, read_predictors
from vitdemo.weights.reading import (
    CONFIG,
    OPEN_CLIP,
    PREPROCESSOR,
    WEIGHTS,
    find_config,
    find_form,
    hash_file,
    read_json,
    read_tensors,
)
from vitdemo.weights.records import WeightsError

PICKLES = (".bin", ".ckpt", ".pkl", ".pt", ".pth")
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def save_model(
    folder: Path,
    *,
    model: VisionTransformer,
    name: str,
    data: DataConfig,
    classes: Sequence[str],
    half: bool = False,
) -> None:
    """Write `model` to `folder` in vitdemo's format, so that a reader never sees half a file.

    `half` stores 16-bit floats; `load_model` gives 32-bit floats back. Raise ValueError when there is
    not one name in `classes` for each logit, OSError naming a file that cannot be written.
    """
    if len(classes) != model.config.num_classes:
        raise ValueError(
            f"classes has {len(classes)} names, the model has {model.config.num_classes} outputs"
        )
    kind = torch.float16 if half else torch.float32
    tensors = {key: value.detach().to("cpu", kind).contiguous() for key, value in model.state_dict().items()}
    config = {
        "format": "vitdemo",
        "version": 1,
        "name": name,
        "model": to_json(model.config),
        "data": to_json(data),
        "classes": list(classes),
    }
    with replace_file(folder / CONFIG) as description, replace_file(folder / WEIGHTS) as weights:
        save_file(tensors, weights, metadata={"format": "pt"})
        config["sha256"] = hash_file(weights)
        description.write_text(json.dumps(config, indent=1, ensure_ascii=False), encoding="utf-8")


def read_folder(
    folder: Path, *, label: str, official: bool = False, dense: bool = False, base: Path | None = None
) -> tuple[VisionTransformer, Description]:
    """Return the network in `folder` on the CPU, in eval mode, and what its config says.

    `label` names the folder in messages; `official`: it is one of timm's own repositories; `dense`: leave out
    the predictors; `base`: the folder where the weights lie, None = in `folder`. Raise WeightsError: a file
    is missing, damaged or not the one that the config was written for, only a pickle is there, an unknown
    format, or a tensor whose name, shape, kind or numbers are not a network's.
    """
    home = base or folder
    form = find_form(home)
    refuse_pickles(home, form, label=label)
    described = read_description(folder, label=label, official=official, dense=dense, base=base)
    if form == OPEN_CLIP:
        described = respell(described)
    tensors, where = read_tensors(home, form, described, label=label), f"{form} of {label}"
    added, beside = read_predictors(folder, described, label=label), f"{PREDICTORS} of {label}"
    with torch.device("meta"):  # no time for an initialisation that is overwritten at once
        model = build_model(described.config)
    tensors = {key: to_floats(key, tensor, where=where) for key, tensor in described.repair(tensors).items()}
    tensors = {**described.finish(tensors, described.config)}
    tensors |= {key: to_floats(key, tensor, where=beside) for key, tensor in added.items()}
    check_tensors(tensors, model.state_dict(), where=beside if added else where)
    model.load_state_dict(tensors, assign=True)
    return model.eval().requires_grad_(False), described


def to_floats(key: str, tensor: Tensor, *, where: str) -> Tensor:
    """Return `tensor` as 32-bit floats in memory of its own.

    What is mapped from a file is lost with the file. Raise WeightsError for another kind than floating-point
    numbers, and for one that is not finite.
    """
    if tensor.dtype not in FLOATS:
        raise WeightsError(f"{where}: {key} holds {str(tensor.dtype).removeprefix('torch.')}, not floats")
    copy = tensor.to(torch.float32, copy=True)
    if not copy.sum(dtype=torch.float64).isfinite():  # which no finite numbers of 32 bits exceed; fast
        raise WeightsError(f"{where}: {key} has numbers that are not finite")
    return copy


def read_description(
    folder: Path, *, label: str, official: bool = False, dense: bool = False, base: Path | None = None
) -> Description:
    """Return what the config in `folder` says, without reading weights; otherwise as `read_folder`."""
    file, home = find_config(folder), base or folder
    config = read_json(folder / file, label=label)
    path = home / PREPROCESSOR
    preprocessor = read_json(path, label=label) if path.is_file() else {}
    try:
        if home != folder:
            config = lay_over(read_json(home / find_config(home), label=label), config)
        described = describe(config, preprocessor, official=official)
    except ValueError as error:
        raise WeightsError(
            Message("{file} of {model}: {problem}", file=file, model=label, problem=error.args[0])
        ) from error
    return described.without_predictors() if dense else described


def refuse_pickles(folder: Path, form: str, *, label: str) -> None:
    """Raise WeightsError naming a pickle that stands where the safetensors `form` are wanted."""
    if (folder / form).is_file() or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix in PICKLES:
            raise WeightsError(
                f"{label} holds {path.name}, a pickle that could run code; only {WEIGHTS} is read"
            )


def check_tensors(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], *, where: str) -> None:
    """Raise WeightsError naming the first tensor that is missing, unknown or of a wrong shape."""
    for kind, keys in (
        ("is missing", wanted.keys() - found.keys()),
        ("is unknown", found.keys() - wanted.keys()),
    ):
        if keys:
            more = f" (and {len(keys) - 1} more)" if len(keys) > 1 else ""
            raise WeightsError(f"{where}: {min(keys)} {kind}{more}")
    for key, tensor in wanted.items():
        if found[key].shape != tensor.shape:
            raise WeightsError(
                f"{where}: {key} has shape {tuple(found[key].shape)}, the model needs {tuple(tensor.shape)}"
            )
