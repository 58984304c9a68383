"""What tells unfamiliar pictures: a small file beside the weights that it was fitted for."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from vitdemo.config import ViTConfig
from vitdemo.familiarity import Familiarity
from vitdemo.files import replace_file
from vitdemo.weights.reading import WEIGHTS, hash_file

FILE = "familiarity.safetensors"
NAMES = [field.name for field in fields(Familiarity)]


def save_familiarity(folder: Path, found: Familiarity) -> None:
    """Write `found` beside the weights in `folder`. Raise OSError naming a file that cannot be written."""
    tensors = {name: getattr(found, name).detach().cpu().contiguous() for name in NAMES}
    with replace_file(folder / FILE) as part:
        save_file(tensors, part, metadata={"weights": hash_file(folder / WEIGHTS)})


def load_familiarity(folder: Path, config: ViTConfig, *, sha256: str) -> Familiarity | None:
    """Return what `folder` holds for the weights of that checksum; None where it holds nothing of use."""
    if not (folder / FILE).is_file():
        return None
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            fitted_for = (file.metadata() or {}).get("weights")
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return None
    if fitted_for != sha256 or sorted(tensors) != sorted(NAMES):
        return None
    if len(tensors["centre"]) != config.embed_dim:
        return None
    return Familiarity(**tensors)
