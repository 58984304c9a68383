"""Occlusion without a colour for what is missing: patches are really removed, and the score is read again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Explicit, Pruning
from vitdemo.recording import score
from vitdemo.trace import Trace

TOKENS = 2048  # in one batch at most
Ids = Int[Tensor, "_"]


@torch.no_grad()
def add_occlusion(
    trace: Trace, model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], *, block: int = 1
) -> Trace:
    """Return `trace` of these pixels, which has gradients, with what the removal of each patch costs besides.

    The network runs once for each square of `block` x `block` patches, without them, on what it kept else. A
    patch gets the mean fall of the score over the squares that hold it: above 0 it speaks for the class. NaN
    where nothing would be left to read. After Zeiler & Fergus, ECCV 2014, who slide a grey square instead.
    Raise ValueError unless `block` is from 1 to the shorter side of the grid, or where tokens were merged.
    """
    assert trace.target is not None, "occlusion is of a class"
    assert trace.logits is not None
    if not 1 <= block <= min(trace.grid):
        raise ValueError(f"block must be from 1 to {min(trace.grid)}, got {block}")
    if trace.mixes:
        raise ValueError("occlusion is for a pass that merges no tokens: a merged one has no patch to remove")
    whole = float(score(trace.logits[None], trace.target, trace.against))
    cuts = trace.cuts
    kept = [trace.patch_ids(layer) for layer in (0, *cuts)]
    groups: dict[tuple[int, ...], list[tuple[Ids, list[Ids]]]] = defaultdict(list)
    for square in list_squares(trace.grid, block):
        left = [ids[~torch.isin(ids, square)] for ids in kept]
        groups[tuple(map(len, left))].append((square, left))  # of one batch, so that nothing is padded
    total, count = torch.zeros(2, trace.num_patches, dtype=torch.float64)
    for lengths, members in groups.items():
        if not min(lengths) and model.config.global_pool != "token":
            continue
        rows = max(1, TOKENS // (lengths[0] + trace.num_prefix_tokens))
        for start in range(0, len(members), rows):
            squares, lefts = zip(*members[start : start + rows], strict=True)
            ids = tuple(torch.stack(stage) for stage in zip(*lefts, strict=True))
            rule = Explicit(ids, checked=True, prune_loc=cuts)
            logits = model(pixels, pruning=Pruning(None, rule)).float().cpu()
            for square, row in zip(squares, logits, strict=True):
                total[square] += whole - float(score(row[None], trace.target, trace.against))
                count[square] += 1
    return replace(trace, occlusion=(total / count).float())


def list_squares(grid: tuple[int, int], block: int) -> list[Ids]:
    """Return the patches of each square of `block` x `block`, one step apart."""
    places = torch.arange(grid[0] * grid[1]).view(grid)
    squares = places.unfold(0, block, 1).unfold(1, block, 1)
    return list(squares.reshape(-1, block * block))
