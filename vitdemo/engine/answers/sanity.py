"""Checks that a visitor can run on the model and the picture shown: numbers, limits, pass or fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from vitdemo.engine.core.cache import Entry
from vitdemo.engine.core.pool import ModelPool
from vitdemo.engine.core.setting import to_keep_ratio
from vitdemo.engine.core.subject import Subject
from vitdemo.maps import METHODS, explain
from vitdemo.message import Message, Progress
from vitdemo.models import DynamicViT, VisionTransformer, build_model
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.models.twin import make_twin
from vitdemo.recording import record
from vitdemo.render import charts
from vitdemo.trace import Trace

LOGIT_LIMIT = 1e-3  # both sides are 32-bit, summed in another order
ROW_LIMIT = 1e-4
ALIKE_LIMIT = 0.5  # a map that hardly cares for the weights correlates more than this
MAPS = ("attention-rollout", "raw-attention", "gradient-rollout")  # the last one is of a class
DRAWS = 4  # at most: one random network's map may resemble the original by chance

Kind = Literal["masked", "removed", "rows", "recorded", "randomised"]
"""`masked`: pruned = masked logits; `removed`: an explicit cut that keeps all = dense; `rows`: attention rows
sum to 1; `recorded`: logits with and without recording; `randomised`: maps change with the weights."""


@dataclass(frozen=True)
class Check:
    """One result: it passed if `value` is at most `limit`.

    `value` is the largest difference found, or for "randomised" the size of the mean rank correlation.
    `about`: the key of the map there, else "".
    """

    kind: Kind
    value: float
    limit: float
    about: str = ""

    @property
    def passed(self) -> bool:
        return self.value <= self.limit  # False for NaN


@dataclass(frozen=True)
class SanityChecks:
    """The results of all checks.

    `cascade`: for each map (its key), the part drawn at random last and the rank correlation with the
    original map after it, the mean of several draws. `images`: the cascade of each map, with its title.
    """

    checks: tuple[Check, ...]
    cascade: dict[str, tuple[tuple[str, float], ...]]
    images: tuple[tuple[Image.Image, str], ...]


@torch.no_grad()
def check_sanity(subject: Subject) -> SanityChecks:
    """Return all checks of one result. Run the network up to `DRAWS` times as often as it has layers."""
    entry, model, pixels = subject.entry, subject.loaded.model, subject.pixels
    traces = [trace for trace in (entry.dense, entry.pruned) if trace is not None]
    checks = [check_row_sums(traces)]
    with subject.turn() as report:
        if entry.dense.logits is not None:
            report(0.05, Message("Removing and masking"))
            checks.append(check_masking(model, pixels, entry))
            report(0.1, Message("Recording and not recording"))
            checks.append(check_recording(entry.dense, model(pixels)[0]))
        cascade = randomise(model, pixels, pool=subject.shared.pool, progress=report)
    checks += [Check("randomised", abs(steps[-1][1]), ALIKE_LIMIT, key) for key, steps in cascade.items()]
    label = Message(
        "rank correlation with the trained network's map; each line adds a part with random weights"
    )
    images = tuple(
        (charts.draw_steps(steps, label=label), METHODS[key].title) for key, steps in cascade.items()
    )
    return SanityChecks(tuple(checks), cascade, images)


def check_row_sums(traces: Sequence[Trace]) -> Check:
    """Check that each row of recorded attention sums to 1, or to 0 where a linear head has no attention."""
    worst = 0.0
    for attn in (layer for trace in traces for layer in trace.attn):
        sums = attn.double().sum(dim=-1)
        off = torch.minimum((sums - 1).abs(), sums.abs()).max()
        negative = attn.min().clamp(max=0).abs()
        worst = max(worst, float(torch.maximum(off, negative.double()).nan_to_num(nan=torch.inf)))
    return Check("rows", worst, ROW_LIMIT)


def check_recording(trace: Trace, logits: Float[Tensor, "c"]) -> Check:
    """Check that the logits of a pass that recorded its attention are those of the fused kernel."""
    assert trace.logits is not None
    return Check("recorded", largest_difference(trace.logits, logits), LOGIT_LIMIT)


def check_masking(model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], entry: Entry) -> Check:
    """Check that tokens really removed = tokens masked.

    DynamicViT has its training path for that, with the learned selector at the ratio shown (0.7 if that is
    1, or there are other stages than the network's); else keeping every patch explicitly = dense.
    """
    if isinstance(model, DynamicViT):
        ratio = 1 if entry.analysis.stages else to_keep_ratio(entry.analysis.pruning_ratio)
        rule = FixedRatio(ratio if ratio < 1 else 0.7)
        selector = make_selector("learned", model=model, pixels=pixels)
        removed = model(pixels, pruning=Pruning(selector, rule))
        return Check(
            "masked", largest_difference(removed, model.forward_masked(pixels, rule).logits), LOGIT_LIMIT
        )
    every = torch.arange(model.config.num_patches)
    rule = Explicit((every,) * (1 + len(model.config.prune_loc)))
    return Check(
        "removed", largest_difference(model(pixels, pruning=Pruning(None, rule)), model(pixels)), LOGIT_LIMIT
    )


def largest_difference(a: Tensor, b: Tensor) -> float:
    """Return the largest absolute difference; infinite where one is not a number."""
    gap = (a.detach().double().cpu() - b.detach().double().cpu()).abs()
    return float(gap.nan_to_num(nan=torch.inf).max())


def randomise(
    model: VisionTransformer,
    pixels: Float[Tensor, "1 ch hh ww"],
    *,
    pool: ModelPool | None = None,
    progress: Progress | None = None,
) -> dict[str, tuple[tuple[str, float], ...]]:
    """Return how alike maps stay under cascading randomisation (Adebayo et al. 2018, sec. 3.2).

    In a twin of `model` the parts are drawn anew from the head down to the embedding, and after each the
    maps are compared with the first ones. An explanation of what the network has learned must change; one
    that stays the same shows the picture, not the network. Maps of a class are those of the first answer; a
    backbone without classes has none. The correlations are means over random networks: `DRAWS`, or fewer
    where no further one could make a map fail. `pool` counts the passes.
    """
    classes = model.config.num_classes > 0
    maps = [key for key in MAPS if classes or not METHODS[key].of_class]
    first = record(model, pixels, grads=classes)
    original = {key: explain(first, key).ravel() for key in maps}
    blocks = (Message("block {index}", index=index) for index in reversed(range(model.config.depth)))
    parts = [Message("head"), *blocks, Message("embedding")]
    found = np.zeros((DRAWS, len(maps), len(parts)))
    done = 0
    while done < DRAWS and not is_settled(found[:done, :, -1]):
        copy = make_twin(model) if pool is None else pool.count_forwards(make_twin(model))
        fresh = build_random(model, seed=done)
        for number, part in enumerate(parts):
            if progress is not None:
                share = 0.15 + 0.85 * (done + number / len(parts)) / DRAWS
                progress(share, Message("Random weights: {part}", part=part))
            exchange(copy, fresh, part)
            trace = record(copy, pixels, grads=classes, target=first.target)
            for row, key in enumerate(maps):
                found[done, row, number] = rank_correlation(original[key], explain(trace, key).ravel())
        done += 1
    means = found[:done].mean(axis=0).tolist()
    return {key: tuple(zip(parts, values, strict=True)) for key, values in zip(maps, means, strict=True)}


def is_settled(last: Float[np.ndarray, "draws maps"]) -> bool:
    """Return whether every map passes whatever the draws that are left give, each between -1 and 1."""
    left = DRAWS - len(last)
    return bool((np.abs(last.sum(axis=0)) + left <= ALIKE_LIMIT * DRAWS).all())


def build_random(model: VisionTransformer, *, seed: int) -> VisionTransformer:
    """Return a network like `model` with the random weights that training starts from, drawn by `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = build_model(model.config)
    return fresh.to(model.patch_embed.proj.weight.device).eval().requires_grad_(False)


def exchange(copy: VisionTransformer, fresh: VisionTransformer, part: str) -> None:
    """Put the modules and tables of `part` of `fresh` in the place of those of `copy`."""
    if part.startswith("block"):
        index = int(part.split()[1])
        copy.blocks[index] = fresh.blocks[index]
        return
    head = ("norm", "attn_pool", "fc_norm", "head", "head_dist")
    embedding = ("patch_embed", "pos_embed", "cls_token", "dist_token", "reg_token", "norm_pre")
    for name in head if part == "head" else embedding:
        if getattr(copy, name, None) is not None:
            setattr(copy, name, getattr(fresh, name))


def rank_correlation(a: Float[np.ndarray, "n"], b: Float[np.ndarray, "n"]) -> float:
    """Return Spearman's correlation, -1 to 1, equal values at mean ranks; 0 where a map is constant."""
    x, y = (ranks(values) - (len(values) + 1) / 2 for values in (a, b))
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 0 else 0.0


def ranks(values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Rank from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts - 1) / 2)[inverse]
