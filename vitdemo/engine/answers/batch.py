"""Many pictures at once: what the network says of each, and no record of how."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.data import preprocess
from vitdemo.decode import BadImage, decode
from vitdemo.engine.core.analyse import check, make_pruning
from vitdemo.engine.core.pool import ModelPool
from vitdemo.engine.core.records import Request
from vitdemo.engine.core.top import name_top
from vitdemo.models.pruning import Pruning
from vitdemo.weights import LoadedModel


@dataclass(frozen=True)
class Said:
    """What the network says of one picture; None where it has no words for it.

    `label`, `probability`: with all patches; `pruned_label`, `pruned_probability`: with those that pruning
    keeps. `unfamiliar`: as in `Analysis`. `error`: one sentence of a file that cannot be read, else "".
    """

    label: str | None = None
    probability: float | None = None
    pruned_label: str | None = None
    pruned_probability: float | None = None
    unfamiliar: bool | None = None
    error: str = ""


def answer_batch(files: Sequence[Path], request: Request, pool: ModelPool) -> list[Said]:
    """Return what the network says of each of `files`, which run through it together.

    `request`: the model, the ratio and the selector; its picture is not looked at. Raise ValueError for an
    unknown selector.
    """
    loaded = pool.get(request.model)
    setting = check(request, loaded.spec)

    def prepare(file: Path) -> Float[Tensor, "1 ch hh ww"] | str:
        try:
            return preprocess(decode(file, limits=pool.limits), config=loaded.spec.data).pixels
        except BadImage as error:
            return str(error)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        prepared = list(threads.map(prepare, files))
    found = [Said(error=one) if isinstance(one, str) else Said() for one in prepared]
    places = [place for place, one in enumerate(prepared) if isinstance(one, Tensor)]
    if not places:
        return found
    pixels = torch.cat([one for one in prepared if isinstance(one, Tensor)]).to(pool.device)
    with pool.compute.turn():
        pooled, logits = run_batch(loaded, pixels)
        pruning = make_pruning(setting, loaded.model, pixels)
        pruned = None if pruning is None else run_batch(loaded, pixels, pruning=pruning)[1]
    for row, place in enumerate(places):
        found[place] = describe(loaded, pooled[row], logits[row])
        if pruned is not None and loaded.classes:
            label, probability = name_top(pruned[row], loaded)[0]
            found[place] = replace(found[place], pruned_label=label, pruned_probability=probability)
    return found


@torch.no_grad()
def run_batch(
    loaded: LoadedModel, pixels: Float[Tensor, "b ch hh ww"], *, pruning: Pruning | None = None
) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b c"]]:
    """Return what the head reads and what it says, on the CPU."""
    tokens = loaded.model.encode(pixels, pruning=pruning)
    return loaded.model.pool(tokens).float().cpu(), loaded.model.classify(tokens).float().cpu()


def describe(loaded: LoadedModel, pooled: Float[Tensor, "d"], logits: Float[Tensor, "c"]) -> Said:
    """Return what the dense pass says of one picture."""
    if not loaded.classes:
        return Said()
    label, probability = name_top(logits, loaded)[0]
    known = loaded.familiarity
    return Said(label, probability, unfamiliar=None if known is None else known.is_unfamiliar(pooled, logits))
