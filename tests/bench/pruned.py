"""A pass that drops tokens, against one that merely cuts so many off, and against the official code's way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tests.bench.networks import list_shapes
from tests.bench.race import OURS, Row, Setting, compare, race
from tests.models.nets import make_pictures, shake
from vitdemo.config import PruneConfig
from vitdemo.models import DynamicViT
from vitdemo.models.pruning import FixedRatio, Pruning, keep_counts
from vitdemo.models.selectors import Learned

NAME = "pruned forward"
SLICED, OFFICIAL = "slicing without a predictor", "the official code's way"
RATIOS = (0.7, 0.5)
BARS = {1: 1 / 0.95, 8: 1 / 0.97}  # by batch: of slicing's speed at least 95 and 97 %


@torch.inference_mode()
def measure(setting: Setting) -> Iterator[Row]:
    """Measure the last shape with predictors, keeping 0.7 and 0.5 at each stage."""
    name, config = list(list_shapes(setting).items())[-1]
    model = DynamicViT(replace(config, prune=PruneConfig(config.prune_loc)))
    shake(model)
    for batch in BARS:
        pixels = make_pictures(config, batch)
        for ratio in RATIOS:
            counts = keep_counts(config.num_patches, ratio, len(config.prune_loc))
            pruning = Pruning(Learned(model), FixedRatio(ratio))
            wanted = model(pixels, pruning=pruning)
            torch.testing.assert_close(run_official(model, pixels, counts), wanted, atol=1e-3, rtol=1e-3)
            calls = {
                OURS: lambda pruning=pruning, pixels=pixels: model(pixels, pruning=pruning),
                SLICED: lambda counts=counts, pixels=pixels: run_sliced(model, pixels, counts),
                OFFICIAL: lambda counts=counts, pixels=pixels: run_official(model, pixels, counts),
            }
            times = race(calls, setting)
            bars = {SLICED: BARS[batch], OFFICIAL: 1.0}
            yield from compare(NAME, f"{name}, keep {ratio}, batch {batch}", times, bars=bars)


def run_sliced(
    model: DynamicViT, pixels: Float[Tensor, "b ch hh ww"], counts: tuple[int, ...]
) -> Float[Tensor, "b c"]:
    """Run the blocks on as many tokens as pruning leaves, the first ones: no score, no gather."""
    x, left = model.embed(pixels), dict(zip(model.config.prune_loc, counts, strict=True))
    for index, block in enumerate(model.blocks):
        if index in left:
            x = x[:, : model.config.num_prefix_tokens + left[index]]
        x = block(x)
    return model.classify(x)


def run_official(
    model: DynamicViT, pixels: Float[Tensor, "b ch hh ww"], counts: tuple[int, ...]
) -> Float[Tensor, "b c"]:
    """Run the network by the steps of DynamicViT's published inference code.

    The scores are sorted, the places moved behind the class token, tokens and decisions taken from a
    flattened batch, in the order of the scores. Our blocks and predictors, so that nothing else differs.
    """
    x, left = model.embed(pixels), dict(zip(model.config.prune_loc, counts, strict=True))
    decisions = x.new_ones(len(x), model.config.num_patches, 1)
    stage = 0
    for index, block in enumerate(model.blocks):
        if index in left:
            scores = model.score_predictor[stage](x[:, 1:], decisions[..., 0])[..., 0]
            keep = torch.argsort(scores, dim=1, descending=True)[:, : left[index]]
            rows = torch.cat([torch.zeros(len(x), 1, dtype=keep.dtype), keep + 1], dim=1)
            x, decisions = select_rows(x, rows), select_rows(decisions, keep)
            stage += 1
        x = block(x)
    return model.classify(x)


def select_rows(x: Float[Tensor, "b n d"], rows: Int[Tensor, "b k"]) -> Float[Tensor, "b k d"]:
    """Return the rows of each picture, by one index into all of them."""
    b, n, d = x.shape
    places = torch.arange(b)[:, None] * n
    return x.reshape(b * n, d)[(rows + places).reshape(-1)].reshape(b, rows.shape[1], d)
