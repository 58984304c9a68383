"""Many pictures at once: what the network says of each, and no record of how."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.cores import count_cores
from vitdemo.data import preprocess
from vitdemo.decode import BadImage, decode
from vitdemo.engine.answers.ratios import begin_pass
from vitdemo.engine.core.pool import ModelPool
from vitdemo.engine.core.records import Request
from vitdemo.engine.core.setting import check_request, make_pruning
from vitdemo.engine.core.sizes import choose_spec
from vitdemo.engine.core.top import name_top
from vitdemo.models.pruning import Begun, Pruning
from vitdemo.registry import ModelSpec
from vitdemo.weights import LoadedModel

Pixels = Float[Tensor, "b ch hh ww"]


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
    """Return what the network says of each of `files`; those of one size run through it together.

    `request`: the model, the ratio or the stages, the selector and the size; its picture is not looked at.
    Raise ValueError for an unknown selector or size.
    """
    loaded = pool.get(request.model)
    check_request(request, loaded.spec)
    resized = partial(choose_spec, loaded.spec, request.size, limits=pool.limits)
    resized(picture=(1, 1))  # which says what is wrong with the size

    def prepare(file: Path) -> tuple[ModelSpec, Pixels] | str:
        try:
            image = decode(file, limits=pool.limits)
        except BadImage as error:
            return str(error)
        spec = resized(picture=image.size)
        return spec, preprocess(image, config=spec.data, megapixels=pool.limits.resize_megapixels).pixels

    with ThreadPoolExecutor(count_cores()) as threads:
        prepared = list(threads.map(prepare, files))
    found = [Said(error=one) if isinstance(one, str) else Said() for one in prepared]
    groups: defaultdict[ModelSpec, list[tuple[int, Pixels]]] = defaultdict(list)
    for place, one in enumerate(prepared):
        if not isinstance(one, str):
            groups[one[0]].append((place, one[1]))
    for spec, group in groups.items():
        places, pixels = zip(*group, strict=True)
        said = answer_group(pool.fit(loaded, spec), torch.cat(pixels), request, pool)
        for place, one in zip(places, said, strict=True):
            found[place] = one
    return found


def answer_group(loaded: LoadedModel, pixels: Pixels, request: Request, pool: ModelPool) -> list[Said]:
    """Return what the network says of each of these pictures."""
    pixels = pixels.to(pool.device)
    with pool.compute.turn():
        pruning = make_pruning(check_request(request, loaded.spec), loaded.model, pixels)
        begun = begin_pass(loaded.model, pixels, pruning)
        pooled, logits = run_batch(loaded, begun)
        pruned = None if pruning is None else run_batch(loaded, begun, pruning=pruning)[1]
    found = [describe(loaded, *row) for row in zip(pooled, logits, strict=True)]
    if pruned is None or not loaded.classes:
        return found
    tops = [name_top(row, loaded)[0] for row in pruned]
    return [
        replace(one, pruned_label=label, pruned_probability=probability)
        for one, (label, probability) in zip(found, tops, strict=True)
    ]


@torch.no_grad()
def run_batch(
    loaded: LoadedModel, begun: Begun, *, pruning: Pruning | None = None
) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b c"]]:
    """Run passes to their end. Return what the head reads and what it says, on the CPU."""
    model, tokens = loaded.model, loaded.model.encode(begun, pruning=pruning)
    policy = tokens.patch_sizes(model.config.num_prefix_tokens)
    return model.pool(tokens.x, policy).float().cpu(), model.classify(tokens.x, policy).float().cpu()


def describe(loaded: LoadedModel, pooled: Float[Tensor, "d"], logits: Float[Tensor, "c"]) -> Said:
    """Return what the dense pass says of one picture."""
    if not loaded.classes:
        return Said()
    label, probability = name_top(logits, loaded)[0]
    known = loaded.familiarity
    return Said(label, probability, unfamiliar=None if known is None else known.is_unfamiliar(pooled, logits))
