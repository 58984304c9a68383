"""One image makes one pass, and one pass makes one immutable `Trace`: all that pictures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    from vitdemo.models.pruning import Pruning
    from vitdemo.models.vit import VisionTransformer


@dataclass(frozen=True)
class Trace:
    """Everything one forward pass did to one image, on the CPU and detached.

    `attn`: a layer each; rows sum to 1, or to 0 where a linear head attends to nothing.
    `token_ids`: a layer each; the original sequence positions of the tokens present, ascending.
    `readout`: the weights with which the head reads the last layer's tokens; sums to 1.
    `scores`: a pruning stage each; the selector's score of each candidate patch, larger = keep.
    `token_norms`: L2 norm of each token after the last block.
    """

    model: str
    grid: tuple[int, int]
    num_prefix_tokens: int
    logits: Float[Tensor, "c"] | None
    attn: tuple[Float[Tensor, "h _ _"], ...]  # the number of tokens differs from layer to layer
    token_ids: tuple[Int[Tensor, "_"], ...]
    readout: Float[Tensor, "n"]
    scores: tuple[Float[Tensor, "_"], ...] = ()
    prune_loc: tuple[int, ...] = ()
    token_norms: Float[Tensor, "n"] | None = None

    def __post_init__(self) -> None:
        present = set(range(self.num_prefix_tokens + self.grid[0] * self.grid[1]))
        prefix = set(range(self.num_prefix_tokens))
        assert len(self.attn) == len(self.token_ids), "one set of token ids a layer"
        for attn, ids in zip(self.attn, self.token_ids, strict=True):
            listed = ids.tolist()
            assert listed == sorted(set(listed)), "token ids ascend"
            assert present.issuperset(listed), "a dropped token never returns"
            assert prefix.issubset(listed), "prefix tokens are always kept"
            assert attn.shape[-2:] == (len(listed), len(listed)), (
                "attention is square over the tokens present"
            )
            present = set(listed)
        assert len(self.readout) == len(present), "the head reads the last layer's tokens"
        assert len(self.scores) == len(self.prune_loc), "one set of scores a stage"

    @property
    def num_patches(self) -> int:
        return self.grid[0] * self.grid[1]

    def patch_ids(self, layer: int) -> Int[Tensor, "n"]:
        """Indices, in 0..num_patches-1, of the patches present at `layer`."""
        ids = self.token_ids[layer]
        return ids[ids >= self.num_prefix_tokens] - self.num_prefix_tokens

    @property
    def kept(self) -> tuple[Int[Tensor, "_"], ...]:
        """The patches kept by each pruning stage, as indices in 0..num_patches-1."""
        return tuple(self.patch_ids(layer) for layer in self.prune_loc)


@dataclass
class Recorder:
    """Collects what a forward pass shows; handed down as an argument, so that threads never share one.

    With `attention=False` the fused attention kernel stays in use and only ids and scores are kept.
    """

    attention: bool = True
    attn: list[Float[Tensor, "b h _ _"]] = field(default_factory=list)
    token_ids: list[Int[Tensor, "b _"]] = field(default_factory=list)
    scores: list[Float[Tensor, "b _"]] = field(default_factory=list)
    stages: list[int] = field(default_factory=list)
    tokens: Float[Tensor, "b n d"] | None = None


@torch.no_grad()
def record(
    model: VisionTransformer,
    pixels: Float[Tensor, "1 ch hh ww"],
    *,
    pruning: Pruning | None = None,
    name: str = "",
) -> Trace:
    """Run `model` once on one image and freeze what happened.

    Raises ValueError when `pixels` holds more than one image.
    """
    if len(pixels) != 1:
        raise ValueError(f"record takes one image, got a batch of {len(pixels)}")
    recorder = Recorder()
    logits = model(pixels, pruning=pruning, recorder=recorder)
    assert recorder.tokens is not None
    return Trace(
        model=name,
        grid=model.config.grid,
        num_prefix_tokens=model.config.num_prefix_tokens,
        logits=logits[0].float().cpu() if model.config.num_classes else None,
        attn=tuple(attn[0].float().cpu() for attn in recorder.attn),
        token_ids=tuple(ids[0].cpu() for ids in recorder.token_ids),
        readout=model.readout(recorder.tokens.shape[1]),
        scores=tuple(score[0].float().cpu() for score in recorder.scores),
        prune_loc=tuple(recorder.stages),
        token_norms=recorder.tokens[0].float().norm(dim=-1).cpu(),
    )
