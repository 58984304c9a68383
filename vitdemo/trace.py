"""One image makes one pass, and one pass makes one immutable `Trace`: all that pictures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import torch
from jaxtyping import Float, Float16, Int
from torch import Tensor


@dataclass(frozen=True)
class Trace:
    """Everything one forward pass did to one image, on the CPU and detached.

    `attn`: a layer each; rows sum to 1, or to 0 where a linear head attends to nothing.
    `token_ids`: a layer each; the original sequence positions of the tokens present, ascending.
    `mixes`: a layer each, or empty where nothing was merged. How each token that enters the layer is made of
    those before, which lie at their original positions: weights that sum to 1; None = it is one of those. A
    merged token lies, by its id, where one of its parts lay, and a part belongs to one token alone.
    `readout`: the weights with which the head reads the last layer's tokens; sums to 1.
    `scores`: a pruning stage each, or none where nothing was scored; the selector's score of each candidate
    patch, larger = keep.
    `token_norms`: a layer each; the L2 norm of each token after it.
    `directions`: a layer each; the tokens after it, each divided by its norm, in half precision.
    `pooled`: what the head reads of the last layer's tokens.

    The last six are set only where gradients were asked for. They are of a score: the logit of class
    `target`, or that less the logit of class `against` where one is named ("why the one and not the other").
    `attn_grad`: d score / d attn, a layer each, through all layers above. `early_grad`: the same for the
    score that the head would give if it read this layer's tokens, through this layer alone; of each head and
    key the positive part, its mean over the queries, each as often as it stands for one. `tokens`: what
    enters the last block, before its first norm; `token_grad`: d score / d tokens. `relevance`,
    `residual_relevance`: a layer each, where they were asked for besides; what each token that enters it adds
    to the score, of either sign, by AttnLRP and by ResLRP. `occlusion`, where it was asked for: how far the
    score falls without each patch.
    """

    model: str
    grid: tuple[int, int]
    num_prefix_tokens: int
    logits: Float[Tensor, "c"] | None
    attn: tuple[Float[Tensor, "h _ _"], ...]  # the number of tokens differs from layer to layer
    token_ids: tuple[Int[Tensor, "_"], ...]
    readout: Float[Tensor, "n"]
    mixes: tuple[Float[Tensor, "_ n0"] | None, ...] = ()
    scores: tuple[Float[Tensor, "_"], ...] = ()
    prune_loc: tuple[int, ...] = ()
    token_norms: tuple[Float[Tensor, "_"], ...] = ()
    directions: tuple[Float16[Tensor, "_ d"], ...] = ()
    pooled: Float[Tensor, "f"] | None = None
    target: int | None = None
    against: int | None = None
    attn_grad: tuple[Float[Tensor, "h _ _"], ...] | None = None
    early_grad: tuple[Float[Tensor, "h _"], ...] | None = None
    tokens: Float[Tensor, "_ _"] | None = None  # (n, d), as its gradient
    token_grad: Float[Tensor, "_ _"] | None = None
    relevance: tuple[Float[Tensor, "_"], ...] | None = None
    residual_relevance: tuple[Float[Tensor, "_"], ...] | None = None
    occlusion: Float[Tensor, "_"] | None = None

    def __post_init__(self) -> None:
        self.check_layers()
        self.check_mixes()
        self.check_stages()
        count = len(self.token_ids[-1])
        assert len(self.readout) == count, "the head reads the last layer's tokens"
        assert bool((self.readout >= 0).all()), "no token is read with a negative weight"
        assert abs(float(self.readout.sum()) - 1) < 1e-4, "the readout sums to 1"
        for features in (self.token_norms, self.directions):
            counts = [len(ids) for ids in self.token_ids]
            assert not features or [len(layer) for layer in features] == counts, (
                "one norm, one direction a token"
            )
        self.check_gradients()

    def check_layers(self) -> None:
        """Check which tokens each layer has, and that its attention is over them."""
        assert min(self.grid) > 0, "the grid has a patch"
        assert self.num_prefix_tokens >= 0, "prefix tokens are counted"
        assert len(self.attn) == len(self.token_ids) > 0, "one set of token ids a layer"
        present = set(range(self.num_prefix_tokens + self.num_patches))
        prefix, heads = set(range(self.num_prefix_tokens)), len(self.attn[0])
        for attn, ids in zip(self.attn, self.token_ids, strict=True):
            listed = ids.tolist()
            assert listed == sorted(set(listed)), "token ids ascend"
            assert present.issuperset(listed), "a dropped token never returns"
            assert prefix.issubset(listed), "prefix tokens are always kept"
            square = (heads, len(listed), len(listed))
            assert attn.shape == square, "attention is square over the tokens present, in every head"
            present = set(listed)

    def check_mixes(self) -> None:
        """Check that merged tokens are means of the tokens before, each in one of them or gone."""
        assert len(self.mixes) in (0, len(self.attn)), "one mix a layer"
        before = torch.arange(self.num_prefix_tokens + self.num_patches)
        for mix, ids in zip(self.mixes, self.token_ids, strict=False):
            if mix is not None:
                assert mix.shape == (len(ids), self.num_prefix_tokens + self.num_patches), "a row a token"
                assert bool((mix >= 0).all()), "no part has a negative weight"
                assert torch.allclose(mix.sum(dim=1), torch.ones(len(ids)), atol=1e-4), "a row sums to 1"
                parts = mix > 0
                assert bool((parts.sum(dim=0) <= 1).all()), "a part belongs to one token"
                assert bool(parts[torch.arange(len(ids)), ids].all()), "a token lies where a part of it lay"
                used = parts.any(dim=0).nonzero()[:, 0]
                assert bool(torch.isin(used, before).all()), "parts were there"
            before = ids

    def check_stages(self) -> None:
        """Check where patches were scored, and that each score is of a patch that was there."""
        loc = self.prune_loc
        assert len(self.scores) in (0, len(loc)), "one set of scores a stage, or none"
        assert list(loc) == sorted(set(loc)), "stages ascend"
        assert all(0 <= layer < len(self.attn) for layer in loc), "a stage stands before a layer"
        for layer, scores in zip(loc, self.scores, strict=False):
            there = len(self.patch_ids(layer - 1)) if layer else self.num_patches
            assert len(scores) == there, "one score a patch that was present"

    def check_gradients(self) -> None:
        """Check that gradients and relevance are of a target, each shaped as what it belongs to."""
        fields = (self.attn_grad, self.early_grad, self.tokens, self.token_grad)
        assert len({field is None for field in fields}) == 1, "the gradient fields come together"
        parts = (self.against, self.attn_grad, self.relevance, self.residual_relevance, self.occlusion)
        if self.target is None:
            assert all(part is None for part in parts), "gradients, relevance, another class are of a target"
            return
        assert self.logits is not None, "a target is the place of a logit"
        assert 0 <= self.target < len(self.logits), "the target is one of the classes"
        if self.against is not None:
            assert 0 <= self.against < len(self.logits), "the other class is one of the classes"
            assert self.against != self.target, "the other class is another"
        assert self.occlusion is None or len(self.occlusion) == self.num_patches, "one fall a patch"
        counts = [len(ids) for ids in self.token_ids]
        for relevance in (self.relevance, self.residual_relevance):
            assert relevance is None or [len(layer) for layer in relevance] == counts, "one relevance a token"
        if self.attn_grad is None or self.early_grad is None:
            return
        assert self.tokens is not None
        assert self.token_grad is not None
        assert [g.shape for g in self.attn_grad] == [a.shape for a in self.attn], "one gradient a layer"
        assert [g.shape for g in self.early_grad] == [a.shape[::2] for a in self.attn], "one number a key"
        assert self.token_grad.shape == self.tokens.shape, "one gradient a token"
        assert len(self.tokens) == len(self.token_ids[-1]), "the tokens are those of the last layer"

    @property
    def num_patches(self) -> int:
        return self.grid[0] * self.grid[1]

    def patch_ids(self, layer: int) -> Int[Tensor, "n"]:
        """Return the indices, in 0..num_patches-1, of the patches present at `layer`."""
        ids = self.token_ids[layer]
        return ids[ids >= self.num_prefix_tokens] - self.num_prefix_tokens

    def sources(self, layer: int) -> Float[Tensor, "n n0"]:
        """Return of what original tokens each token of `layer` is made; rows sum to 1.

        What stands alone has all its weight at its own position.
        """
        rows = torch.eye(self.num_prefix_tokens + self.num_patches)
        for mix, ids in zip(self.mixes[: layer % len(self.attn) + 1], self.token_ids, strict=False):
            if mix is not None:
                rows[ids] = mix @ rows
        return rows[self.token_ids[layer]]

    def sizes(self, layer: int) -> Float[Tensor, "n"]:
        """Return how many original tokens each token of `layer` stands for."""
        if not self.mixes:
            return torch.ones(len(self.token_ids[layer]))
        return (self.sources(layer) > 0).sum(dim=1).float()

    def holders(self, layer: int) -> Int[Tensor, "n0"]:
        """Return which row of `layer` is the token that holds each original one; -1 where it is gone."""
        parts = self.sources(layer) > 0
        return torch.where(parts.any(dim=0), parts.int().argmax(dim=0), -1)

    def held_patches(self, layer: int) -> Int[Tensor, "_"]:
        """Return the patches that are part of a token of `layer`, as indices in 0..num_patches-1."""
        if not self.mixes:
            return self.patch_ids(layer)
        return (self.holders(layer)[self.num_prefix_tokens :] >= 0).nonzero()[:, 0]

    @property
    def cuts(self) -> tuple[int, ...]:
        """The layers before which tokens left or merged; what only left at the input is not among them."""
        counts = [len(ids) for ids in self.token_ids]
        fewer = {layer for layer, (before, after) in enumerate(pairwise(counts), start=1) if after < before}
        return tuple(sorted(fewer | {layer for layer, mix in enumerate(self.mixes) if mix is not None}))

    @property
    def kept(self) -> tuple[Int[Tensor, "_"], ...]:
        """The patches kept by each pruning stage, as indices in 0..num_patches-1."""
        return tuple(self.patch_ids(layer) for layer in self.prune_loc)


@dataclass
class Recorder:
    """Collects what a forward pass shows; handed down as an argument, so that threads never share one.

    With `attention=False` the fused attention kernel stays in use and only ids and scores are kept. With
    `grads=True` every layer's output is computed from the recorded matrix, linear attention's too, so that
    gradients with respect to it are exact. `features`: what left each block. `entered`: what entered each,
    with `grads` alone.
    """

    attention: bool = True
    grads: bool = False
    attn: list[Float[Tensor, "b h _ _"]] = field(default_factory=list)
    token_ids: list[Int[Tensor, "b _"]] = field(default_factory=list)
    sizes: list[Float[Tensor, "b _"] | None] = field(default_factory=list)
    mixes: list[Float[Tensor, "b _ n0"] | None] = field(default_factory=list)
    scores: list[Float[Tensor, "b _"]] = field(default_factory=list)
    stages: list[int] = field(default_factory=list)
    features: list[Float[Tensor, "b _ d"]] = field(default_factory=list)
    entered: list[Float[Tensor, "b _ d"]] = field(default_factory=list)

    def until(self, layer: int) -> Recorder:
        """Return what this one has of the layers before `layer`, for a pass that goes on from there."""
        parts = ("attn", "token_ids", "sizes", "mixes", "features", "entered")
        return Recorder(self.attention, self.grads, **{name: getattr(self, name)[:layer] for name in parts})
