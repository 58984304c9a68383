"""Which tokens stay: the rules, and pure index arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vitdemo.models.attention import Angles, Tokens
from vitdemo.models.layers import Block
from vitdemo.models.reductions import find_reduction
from vitdemo.models.schedule import Schedule


@dataclass(frozen=True)
class Stage:
    """Where a selector is asked: the stage's number from 0, and the block that comes next, number `layer`.

    `angles`: of the tokens present, where positions are rotary.
    """

    index: int
    layer: int
    block: Block
    num_prefix_tokens: int
    class_token: bool
    angles: Angles | None = None

    def class_attention(self, x: Tokens, policy: Float[Tensor, "b m"] | None) -> Float[Tensor, "b m"]:
        """Return how much the class token attends to each patch in the next block, the mean over heads.

        `x`: what enters it. Where there is no class token, the mean query asks.
        """
        sizes = None if policy is None else F.pad(policy, (self.num_prefix_tokens, 0), value=1.0)
        told = {"class_token": self.class_token, "angles": self.angles, "sizes": sizes}
        return self.block.attn.query_row(self.block.norm1(x), **told)[:, self.num_prefix_tokens :]

    def keys(self, x: Tokens) -> Float[Tensor, "b m e"]:
        """Return the keys of the patches in the next block, the mean over heads."""
        return self.block.attn.keys(self.block.norm1(x))[:, self.num_prefix_tokens :]


@runtime_checkable
class TokenSelector(Protocol):
    """Scores the patch tokens present; larger = keep."""

    def __call__(
        self, x: Float[Tensor, "b n d"], policy: Float[Tensor, "b m"] | None, stage: Stage
    ) -> Float[Tensor, "b m"]:
        """Score the patches of `x`, prefix and patch tokens.

        `policy`: how often each patch counts: 0 where it was dropped, more than 1 where it stands for several
        that were merged; None = once each.
        """
        ...


@dataclass(frozen=True)
class FixedRatio:
    """After stage s = 1, 2, ... `max(1, int(num_patches * rho**s))` stay (Rao et al. 2021, sec. 3.3)."""

    keep_ratio: float

    def __post_init__(self) -> None:
        if not 0 < self.keep_ratio <= 1:
            raise ValueError(f"keep_ratio must be in (0, 1], got {self.keep_ratio}")


@dataclass(frozen=True)
class Threshold:
    """An adaptive budget: a patch stays if its weight is at least `value` times the mean of those present.

    The heaviest always stays, and 0 keeps all. A picture whose weight lies in few patches keeps few.

    The weight is `exp(score)` for `log_scores` (the learned ones), else the score itself (class attention).
    With `relative=False` the weight, then a keep probability from 0 to 1, is compared with `value` itself.
    That is meant for predictors trained to keep or to drop (Rao et al. 2021, eq. 6-7). Predictors trained by
    `KL(importance || softmax over patches)`, as the bundled ones, learn only how patches compare: a constant
    added to all scores of a stage changes neither that loss nor the relative rule, so the level of their keep
    probabilities means nothing, and `relative` is the default.

    Pictures of one batch may differ in how many patches pass: `forward` then raises ValueError and takes them
    one at a time; `forward_masked` takes any batch.
    """

    value: float
    log_scores: bool = True
    relative: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.value < float("inf"):
            raise ValueError(f"threshold must be a number from 0 up, got {self.value}")


@dataclass(frozen=True)
class Explicit:
    """The patches to keep, given: `ids[0]` at the input, `ids[s]` at stage s; None = no cut there.

    Each entry holds ascending indices in 0..num_patches-1, `(k,)` for all images or `(b, k)`. A single image
    is cut in all b ways: it is embedded once, and gives b rows of logits. `checked`: they are known to be
    right, so that nothing waits for a GPU to look at them. `mixes`: how the tokens that stay are made of
    those before, at each stage as `vitdemo.trace.Trace.mixes` has it; None where they are not. `prune_loc`:
    the blocks before which the stages are, None = the network's own.
    """

    ids: tuple[Int[Tensor, "..."] | None, ...]
    checked: bool = False
    mixes: tuple[Float[Tensor, "_ n0"] | None, ...] = ()
    prune_loc: tuple[int, ...] | None = None

    @property
    def ways(self) -> int:
        """In how many ways a single image is cut."""
        return max((len(ids) for ids in self.ids if ids is not None and ids.ndim > 1), default=1)


class Begun(NamedTuple):
    """A pass as far as it has come: what enters block `layer`, and the original positions of those tokens."""

    layer: int
    tokens: Float[Tensor, "b n d"]
    ids: Int[Tensor, "b n"]

    def repeat(self, count: int) -> Begun:
        """Return the same of one picture `count` times, as a batch."""
        return Begun(self.layer, self.tokens.expand(count, -1, -1), self.ids.expand(count, -1))


@dataclass(frozen=True)
class Pruning:
    """What a forward pass is told about pruning: which patches stay, and what becomes of the others.

    `reduction`: what becomes of those that a stage lets go. "drop": they are gone (Rao et al. 2021). "fuse":
    one token takes their place, their mean weighted by class attention (Liang et al. 2022, EViT). "merge":
    each joins the one that stays whose key is most like its own. "tome": the pairs that are most alike merge,
    whatever a selector would say (Bolya et al. 2023, ToMe). Under one ratio all leave as many tokens.
    `selector` may be None where the rule is `Explicit`, and for "tome", which takes ratios alone.
    """

    selector: TokenSelector | None
    rule: FixedRatio | Schedule | Threshold | Explicit
    reduction: str = "drop"

    def __post_init__(self) -> None:
        if not find_reduction(self.reduction).asks_selector:
            if not isinstance(self.rule, FixedRatio | Schedule):
                given = type(self.rule).__name__
                raise ValueError(f"reduction {self.reduction!r} needs FixedRatio or Schedule, got {given}")
        elif self.selector is None and not isinstance(self.rule, Explicit):
            raise ValueError(f"selector must be given for {type(self.rule).__name__}")


def keep_counts(num_patches: int, keep_ratio: float, stages: int) -> tuple[int, ...]:
    """Return how many patches stay after each stage.

    Relative to the initial count, truncated, never fewer than one. The small constant keeps `1 - 0.8` from
    losing a token to rounding.
    """
    return tuple(max(1, int(num_patches * keep_ratio**s + 1e-9)) for s in range(1, stages + 1))


def top_ids(scores: Float[Tensor, "b n"], count: int) -> Int[Tensor, "b k"]:
    """Return the relative indices of the `count` largest scores, ascending; of equal ones the first stay."""
    return rank(scores)[..., :count].sort(dim=-1).values


def top_policy(
    scores: Float[Tensor, "b n"], policy: Float[Tensor, "b n"], count: int
) -> Float[Tensor, "b n"]:
    """Return 1 at the tokens that `top_ids` would choose of those that `policy` still has, else 0."""
    ids = rank(scores.masked_fill(policy == 0, -torch.inf))[..., :count]
    return torch.zeros_like(policy).scatter(-1, ids, 1.0)


def rank(scores: Float[Tensor, "*b n"]) -> Int[Tensor, "*b n"]:
    """Return the places by falling score, equal ones in their order, whatever is masked, on any device."""
    return scores.argsort(dim=-1, descending=True, stable=True)


def passes_threshold(
    scores: Float[Tensor, "b n"], rule: Threshold, policy: Float[Tensor, "b n"] | None = None
) -> Bool[Tensor, "b n"]:
    """Return which tokens, among those that `policy` still has, pass the threshold: at least one a row."""
    gone = torch.zeros_like(scores, dtype=torch.bool) if policy is None else policy == 0
    best = scores.masked_fill(gone, -torch.inf).argmax(dim=-1, keepdim=True)
    weights = scores
    if rule.log_scores:
        # The mean does not care about a common factor, and without it no weight underflows.
        weights = (scores - scores.gather(-1, best) if rule.relative else scores).exp()
    weights = weights.masked_fill(gone, 0.0)
    level = weights.sum(dim=-1, keepdim=True) / (~gone).sum(dim=-1, keepdim=True) if rule.relative else 1.0
    return ((weights >= rule.value * level) & ~gone).scatter(-1, best, True)


def passing_ids(scores: Float[Tensor, "b n"], rule: Threshold) -> Int[Tensor, "b k"]:
    """Return the relative indices of the tokens that pass, ascending.

    Raise ValueError where the rows keep different numbers of tokens.
    """
    stays = passes_threshold(scores, rule)
    counts = stays.sum(dim=-1)
    if (counts != counts[0]).any():
        raise ValueError(
            "a threshold keeps different numbers of patches in these pictures; run them one by one"
        )
    return stays.nonzero()[:, 1].reshape(len(scores), -1)


def gather_tokens(x: Float[Tensor, "b n d"], ids: Int[Tensor, "b k"]) -> Float[Tensor, "b k d"]:
    """Return the tokens at relative positions `ids`."""
    return x.gather(1, ids.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


def add_prefix(ids: Int[Tensor, "b k"], num_prefix_tokens: int) -> Int[Tensor, "b n"]:
    """Return patch indices turned into sequence positions, the prefix tokens in front."""
    prefix = torch.arange(num_prefix_tokens, device=ids.device).expand(len(ids), -1)
    return torch.cat([prefix, ids + num_prefix_tokens], dim=1)


def locate(
    wanted: Int[Tensor, "b k"], present: Int[Tensor, "b n"], *, checked: bool = False
) -> Int[Tensor, "b k"]:
    """Return the relative positions in `present` (ascending) of the ids `wanted`.

    Unless they are `checked`, raise ValueError when one is not present, or when they do not ascend.
    """
    if not checked and (wanted.diff(dim=-1) <= 0).any():
        raise ValueError("Explicit ids must ascend")
    where = torch.searchsorted(present.contiguous(), wanted.contiguous()).clamp(max=present.shape[1] - 1)
    if not checked and not torch.equal(present.gather(1, where), wanted):
        raise ValueError("Explicit ids name a patch that is not present at that stage")
    return where


def random_subset(batch: int, num_patches: int, count: int, *, device: torch.device) -> Int[Tensor, "b k"]:
    """Return `count` patches a row, drawn without replacement, ascending (token dropping in training)."""
    return top_ids(torch.rand(batch, num_patches, device=device), count)


def token_counts(num_patches: int, keep_ratio: float, stages: int) -> Sequence[int]:
    """Return the patches present in the beginning and after each stage: 64 -> 44 -> 31 -> 21."""
    return (num_patches, *keep_counts(num_patches, keep_ratio, stages))
