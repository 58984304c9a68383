"""Which tokens stay: the rules, and pure index arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from vitdemo.models.layers import Block


@dataclass(frozen=True)
class Stage:
    """Where a selector is asked: the stage's number from 0, and the block that comes next."""

    index: int
    block: Block
    num_prefix_tokens: int
    class_token: bool


@runtime_checkable
class TokenSelector(Protocol):
    """Scores the patch tokens present; larger = keep."""

    def __call__(
        self, x: Float[Tensor, "b n d"], policy: Float[Tensor, "b m"] | None, stage: Stage
    ) -> Float[Tensor, "b m"]:
        """`x` holds prefix and patch tokens; `policy` marks the patches that count, None = all."""
        ...


@dataclass(frozen=True)
class FixedRatio:
    """After stage s = 1, 2, ... `max(1, int(num_patches * rho**s))` stay (Rao et al. 2021, sec. 3.3)."""

    keep_ratio: float

    def __post_init__(self) -> None:
        if not 0 < self.keep_ratio <= 1:
            raise ValueError(f"keep_ratio must be in (0, 1], got {self.keep_ratio}")


@dataclass(frozen=True)
class Explicit:
    """The patches to keep, given: `ids[0]` at the input, `ids[s]` at stage s; None = no cut there.

    Each entry holds ascending indices in 0..num_patches-1, `(k,)` for all images or `(b, k)`.
    """

    ids: tuple[Int[Tensor, "..."] | None, ...]


@dataclass(frozen=True)
class Pruning:
    """What a forward pass is told about pruning. `selector` may be None where the rule is `Explicit`."""

    selector: TokenSelector | None
    rule: FixedRatio | Explicit


def keep_counts(num_patches: int, keep_ratio: float, stages: int) -> tuple[int, ...]:
    """Patches that stay after each stage; relative to the initial count, truncated, never fewer than one.

    The small constant keeps `1 - 0.8` from losing a token to rounding.
    """
    return tuple(max(1, int(num_patches * keep_ratio**s + 1e-9)) for s in range(1, stages + 1))


def top_ids(scores: Float[Tensor, "b n"], count: int) -> Int[Tensor, "b k"]:
    """Relative indices of the `count` largest scores, ascending."""
    return scores.topk(count, dim=-1).indices.sort(dim=-1).values


def top_policy(
    scores: Float[Tensor, "b n"], policy: Float[Tensor, "b n"], count: int
) -> Float[Tensor, "b n"]:
    """1 at the `count` largest scores among the tokens that `policy` still has, else 0."""
    ids = scores.masked_fill(policy == 0, -torch.inf).topk(count, dim=-1).indices
    return torch.zeros_like(policy).scatter(-1, ids, 1.0)


def gather_tokens(x: Float[Tensor, "b n d"], ids: Int[Tensor, "b k"]) -> Float[Tensor, "b k d"]:
    """The tokens at relative positions `ids`."""
    return x.gather(1, ids.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


def with_prefix(ids: Int[Tensor, "b k"], num_prefix_tokens: int) -> Int[Tensor, "b n"]:
    """Patch indices turned into sequence positions, the prefix tokens in front."""
    prefix = torch.arange(num_prefix_tokens, device=ids.device).expand(len(ids), -1)
    return torch.cat([prefix, ids + num_prefix_tokens], dim=1)


def locate(wanted: Int[Tensor, "b k"], present: Int[Tensor, "b n"]) -> Int[Tensor, "b k"]:
    """Relative positions in `present` (ascending) of the ids `wanted`.

    Raises ValueError when one of them is not present, or when they do not ascend.
    """
    if (wanted.diff(dim=-1) <= 0).any():
        raise ValueError("Explicit ids must ascend")
    where = torch.searchsorted(present.contiguous(), wanted.contiguous()).clamp(max=present.shape[1] - 1)
    if not torch.equal(present.gather(1, where), wanted):
        raise ValueError("Explicit ids name a patch that is not present at that stage")
    return where


def random_subset(batch: int, num_patches: int, count: int, *, device: torch.device) -> Int[Tensor, "b k"]:
    """`count` patches a row, drawn without replacement, ascending (token dropping in training)."""
    return top_ids(torch.rand(batch, num_patches, device=device), count)


def token_counts(num_patches: int, keep_ratio: float, stages: int) -> Sequence[int]:
    """Patches present in the beginning and after each stage: 64 -> 44 -> 31 -> 21."""
    return (num_patches, *keep_counts(num_patches, keep_ratio, stages))
