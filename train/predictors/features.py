"""What a frozen network makes of pictures, once: all that its predictors learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Float16
from torch import Tensor
from tqdm import tqdm

from train.folder import read
from train.importance import weigh_patches
from train.splits import spread
from vitdemo.config import DataConfig
from vitdemo.data import preprocess
from vitdemo.datasets import TENTH
from vitdemo.folders import SUFFIXES, list_pictures
from vitdemo.models import VisionTransformer
from vitdemo.models.head import to_probabilities

Pixels = Float[Tensor, "b ch hh ww"]
PART = 8  # pictures that are run together: more leave a processor's cache


@dataclass(frozen=True)
class Features:
    """Of each picture the `tokens` that enter the first stage, and the share of each patch in the answer."""

    tokens: Float16[Tensor, "b n d"]
    importance: Float[Tensor, "b m"]

    def __len__(self) -> int:
        return len(self.tokens)


def split_pictures(folder: Path, *, learned: int, judged: int) -> tuple[list[Path], list[Path]]:
    """Return at most so many pictures of `folder` to learn from, and to judge by: of every tenth.

    Raise FileNotFoundError for a missing folder, ValueError for one with less than ten pictures.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"data: there is no folder {folder}")
    paths = list_pictures(folder)
    if len(paths) < TENTH:
        raise ValueError(
            f"data: {folder} holds {len(paths)} pictures ({', '.join(SUFFIXES)}), not at least {TENTH}"
        )
    held_out = paths[TENTH - 1 :: TENTH]
    rest = [path for number, path in enumerate(paths) if number % TENTH != TENTH - 1]
    return rest[spread(len(rest), learned)], held_out[spread(len(held_out), judged)]


def read_parts(paths: Sequence[Path], data: DataConfig, *, what: str) -> Iterator[Pixels]:
    """Yield the pictures as the network sees them, PART at a time. Raise BadImage naming a file."""
    starts = range(0, len(paths), PART)
    for start in tqdm(starts, desc=what, unit="batch", leave=False):
        part = paths[start : start + PART]
        yield torch.cat([preprocess(read(path), config=data).pixels for path in part])


def compute_features(
    model: VisionTransformer, parts: Iterator[Pixels], *, first: int, seed: int, device: torch.device
) -> Features:
    """Return what `model` makes of the pictures, of which a random half is mirrored.

    `first`: the block before which the first stage stands. Importance is by the answers that the network
    gives itself (`train.importance.weigh_patches`); of one without classes, by its attention.
    """
    config, generator = model.config, torch.Generator().manual_seed(seed)
    wanted = (lambda logits: to_probabilities(logits, config)) if config.num_classes else None
    half = len(model.blocks) // 2
    tokens, importance = [], []
    for pixels in parts:
        mirrored = torch.rand(len(pixels), generator=generator) < 0.5
        x = torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels).to(device)
        with torch.no_grad():
            early = model.begin(x, layer=min(first, half))
            entered, middle = model.begin(early, layer=first), model.begin(early, layer=half)
        tokens.append(entered.tokens.half().cpu())
        importance.append(weigh_patches(model, middle, wanted)[0].cpu())
    return Features(torch.cat(tokens), torch.cat(importance))
