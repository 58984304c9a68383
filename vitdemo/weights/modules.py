"""A network that the caller has as a module of timm or of transformers, read as if it came from a file."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vitdemo.config import as_pair
from vitdemo.models import VisionTransformer
from vitdemo.registry import ModelSpec
from vitdemo.weights.records import LoadedModel, Origin, WeightsError
from vitdemo.weights.store import read_folder

LIBRARIES = ("timm", "transformers")
TOLERANCE, HALF_TOLERANCE = 1e-3, 0.05  # of a logit, times the largest one where that is above 1


def load_module(module: nn.Module, *, processor: Any = None) -> LoadedModel:
    """Return what `module` computes now, as a network of ours with weights of its own.

    The library's own writing is read back by the readers of files, and both are asked for the same pixels.
    `processor`: transformers' image processor of the module, None = as a ViT of its size.
    Raise WeightsError naming what cannot be followed.
    """
    library, name = type(module).__module__.partition(".")[0], type(module).__name__
    if library not in LIBRARIES:
        raise WeightsError(f"{name} is no network of {' or '.join(LIBRARIES)}, which are followed")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / name
        write_module(module, folder, library=library)
        if processor is not None:
            processor.save_pretrained(folder)
        model, described = read_folder(folder, label=name, official=library == "timm")
    check_same(module, model, name=name)
    source = f"{library} module {name}"
    key = described.name if library == "timm" else name
    spec = ModelSpec(key, key, f"A {source}.", described.config, described.data, source)
    return LoadedModel(model, spec, described.classes, Origin(source), None)


def write_module(module: Any, folder: Path, *, library: str) -> None:
    """Have `module` written by its library. Raise WeightsError where that says nothing of how it was made."""
    try:
        if library == "transformers":
            module.save_pretrained(folder)
            return
        from timm.models import save_for_hf

        save_for_hf(module, str(folder), safe_serialization=True)
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        name = type(module).__name__
        raise WeightsError(f"{library} cannot write this {name}, so it cannot be read: {error}") from error


@torch.no_grad()
def check_same(module: nn.Module, model: VisionTransformer, *, name: str) -> None:
    """Raise WeightsError where `model` answers otherwise than `module` does, if that has logits."""
    config = model.config
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(1, config.in_chans, *as_pair(config.img_size), generator=generator)
    weight, training = next(module.parameters()), module.training
    try:
        answer = read_answer(module.eval()(pixels.to(weight.device, weight.dtype)))
    finally:
        module.train(training)
    if answer is None or not config.num_classes:
        return
    ours, theirs = model(pixels), answer.float().cpu()
    near = TOLERANCE if weight.dtype == torch.float32 else HALF_TOLERANCE
    limit = near * max(1.0, float(theirs.abs().max()))
    if ours.shape != theirs.shape or float((ours - theirs).abs().max()) > limit:
        raise WeightsError(f"This {name} computes something else than a Vision Transformer of its weights")


def read_answer(out: Any) -> Tensor | None:
    """Return the logits of what a module of either library returns; None where it has none."""
    if isinstance(out, Tensor):
        return out
    with suppress(AttributeError):
        return out.logits
    return None
