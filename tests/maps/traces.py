"""Traces made by hand, and the slow rollout on full matrices that the fast one is checked against."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from vitdemo.trace import Trace


def make_trace(
    *,
    grid: tuple[int, int] = (3, 4),
    prefix: int = 1,
    cuts: dict[int, int] | None = None,
    pool: str = "token",
    seed: int = 0,
    graded: bool = False,
) -> Trace:
    """Four layers of three heads with random rows; `cuts`: layer -> number of patches kept from there on.

    `graded`: with random gradients of a class, of both signs.
    """
    draw = torch.Generator().manual_seed(seed)
    cuts = cuts or {}
    patches = torch.arange(grid[0] * grid[1])
    attn, token_ids, scores = [], [], []
    for layer in range(4):
        if layer in cuts:
            scores.append(torch.randn(len(patches), generator=draw))
            patches = patches[torch.randperm(len(patches), generator=draw)[: cuts[layer]]].sort().values
        ids = torch.cat([torch.arange(prefix), patches + prefix])
        token_ids.append(ids)
        attn.append(torch.randn(3, len(ids), len(ids), generator=draw).mul(2).softmax(-1))
    readout = torch.zeros(len(token_ids[-1]))
    if pool == "token":
        readout[0] = 1.0
    else:
        readout[prefix:] = 1 / len(patches)
    gradients: dict[str, Any] = {"logits": None}
    if graded:
        gradients = {
            "logits": torch.randn(5, generator=draw),
            "target": 2,
            "attn_grad": tuple(torch.randn(matrix.shape, generator=draw) for matrix in attn),
            "tokens": torch.randn(len(readout), 6, generator=draw),
            "token_grad": torch.randn(len(readout), 6, generator=draw),
            "early_grad": tuple(torch.rand(matrix.shape[::2], generator=draw) for matrix in attn),
            "relevance": tuple(torch.randn(len(ids), generator=draw) for ids in token_ids),
            "occlusion": torch.randn(grid[0] * grid[1], generator=draw),
            "residual_relevance": tuple(torch.randn(len(ids), generator=draw) for ids in token_ids),
        }
    return Trace(
        model="random",
        grid=grid,
        num_prefix_tokens=prefix,
        **gradients,
        attn=tuple(attn),
        token_ids=tuple(token_ids),
        readout=readout,
        scores=tuple(scores),
        prune_loc=tuple(cuts),
    )


def write_trace(*attn: list, grid: tuple[int, int], readout: list[float] | None = None) -> Trace:
    """A trace with a class token from attention written out as nested lists: layers of (heads of) rows."""
    layers = tuple(torch.tensor(a, dtype=torch.float32).reshape(-1, len(a[0][0]), len(a[0][0])) for a in attn)
    count = layers[0].shape[-1]
    return Trace(
        model="written",
        grid=grid,
        num_prefix_tokens=1,
        logits=None,
        attn=layers,
        token_ids=tuple(torch.arange(count) for _ in layers),
        readout=torch.tensor(readout or [1.0] + [0.0] * (count - 1)),
    )


def make_tensors(trace: Trace) -> list[Tensor]:
    given = [tensor for tensor in (trace.tokens, trace.token_grad) if tensor is not None]
    return [
        *trace.attn,
        *trace.token_ids,
        *trace.scores,
        trace.readout,
        *(trace.attn_grad or ()),
        *(trace.early_grad or ()),
        *(trace.relevance or ()),
        *(trace.residual_relevance or ()),
        *given,
    ]


def fuse_slowly(attn: Tensor, fusion: str, discard_ratio: float, prefix: int) -> np.ndarray:
    """Fused heads in float64, the weakest entries outside the prefix columns set to zero one by one."""
    fused = getattr(np, fusion)(attn.double().numpy(), axis=0)
    order = np.argsort(fused, axis=None, kind="stable")
    for flat in order[: int(fused.size * discard_ratio)]:
        row, column = divmod(int(flat), fused.shape[1])
        if column >= prefix:
            fused[row, column] = 0.0
    return fused


def expand(trace: Trace, matrix: np.ndarray, layer: int) -> np.ndarray:
    """Return a layer's matrix set into the n0 x n0 one; rows and columns of absent tokens are zero."""
    count = trace.num_prefix_tokens + trace.num_patches
    result = np.zeros((count, count))
    ids = trace.token_ids[layer].numpy()
    result[np.ix_(ids, ids)] = matrix
    return result


def roll_out_slowly(
    trace: Trace, *, fusion: str = "mean", discard_ratio: float = 0.0, start: int = 0, stop: int | None = None
) -> np.ndarray:
    """Return `R` of layers start..stop-1 bottom-up on n0 x n0 matrices; rows of absent tokens are zero."""
    rollout = np.eye(trace.num_prefix_tokens + trace.num_patches)
    for layer in range(start, len(trace.attn) if stop is None else stop):
        fused = fuse_slowly(trace.attn[layer], fusion, discard_ratio, trace.num_prefix_tokens)
        walk = fused + np.eye(len(fused))
        for row in walk:
            row /= row.sum()
        rollout = expand(trace, walk, layer) @ rollout
    return rollout


def read_out_slowly(trace: Trace) -> np.ndarray:
    row = np.zeros(trace.num_prefix_tokens + trace.num_patches)
    row[trace.token_ids[-1].numpy()] = trace.readout.numpy()
    return row
