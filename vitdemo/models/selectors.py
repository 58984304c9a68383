"""What scores tokens: the learned predictor, and the training-free controls that work on every ViT."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.config import ViTConfig
from vitdemo.models.dynamic_vit import DynamicViT
from vitdemo.models.pruning import Stage, Threshold, TokenSelector
from vitdemo.models.vit import VisionTransformer

Tokens = Float[Tensor, "b n d"]
Policy = Float[Tensor, "b m"] | None


@dataclass(frozen=True)
class Learned:
    """DynamicViT's predictor: the log-probability that a patch is kept (Rao et al. 2021, eq. 2-5).

    Where it was trained as a distribution over patches, only differences between patches mean something; see
    `Threshold`.
    """

    model: DynamicViT

    def __call__(self, x: Tokens, policy: Policy, stage: Stage) -> Float[Tensor, "b m"]:
        return self.model.score_predictor[stage.index](x[:, stage.num_prefix_tokens :], policy)[..., 0]


@dataclass(frozen=True)
class ClassAttention:
    """How much the class token attends to each patch in the next block, mean over heads (as EViT scores).

    A network without a class token answers with the mean query.
    """

    def __call__(self, x: Tokens, policy: Policy, stage: Stage) -> Float[Tensor, "b m"]:
        row = stage.block.attn.query_row(stage.block.norm1(x), class_token=stage.class_token)
        return row[:, stage.num_prefix_tokens :]


@dataclass(frozen=True)
class Random:
    """Uniform scores, seeded by the picture and the stage: the same picture always loses the same patches."""

    seeds: tuple[int, ...]

    def __call__(self, x: Tokens, policy: Policy, stage: Stage) -> Float[Tensor, "b m"]:
        count = x.shape[1] - stage.num_prefix_tokens
        rows = []
        for seed in self.seeds:
            generator = torch.Generator().manual_seed(seed + stage.index)
            rows.append(torch.rand(count, generator=generator))
        return torch.stack(rows).to(x.device)


@dataclass(frozen=True)
class Inverted:
    """The negated scores of another selector: keeps what that one would drop first."""

    inner: TokenSelector

    def __call__(self, x: Tokens, policy: Policy, stage: Stage) -> Float[Tensor, "b m"]:
        return -self.inner(x, policy, stage)


def random_for(pixels: Float[Tensor, "b ch hh ww"]) -> Random:
    """A random selector whose seeds are checksums of the pictures."""
    return Random(tuple(zlib.crc32(image.numpy().tobytes()) for image in pixels.detach().float().cpu()))


def best(model: VisionTransformer) -> TokenSelector:
    """The learned predictor where there is one, else class attention."""
    return Learned(model) if isinstance(model, DynamicViT) else ClassAttention()


def learned(model: VisionTransformer) -> Learned:
    """Raises ValueError for a network without predictors."""
    if not isinstance(model, DynamicViT):
        raise ValueError("selector 'learned' needs a DynamicViT; choose class-attention, random or inverted")
    return Learned(model)


Pixels = Float[Tensor, "b ch hh ww"]
SELECTORS: dict[str, Callable[[VisionTransformer, Pixels], TokenSelector]] = {
    "learned": lambda model, pixels: learned(model),
    "class-attention": lambda model, pixels: ClassAttention(),
    "random": lambda model, pixels: random_for(pixels),
    "inverted": lambda model, pixels: Inverted(best(model)),
}


def make_selector(name: str, *, model: VisionTransformer, pixels: Pixels) -> TokenSelector:
    """The selector called `name` for these pictures. Raises ValueError naming the known ones."""
    if name not in SELECTORS:
        raise ValueError(f"selector must be one of {', '.join(SELECTORS)}, got {name!r}")
    return SELECTORS[name](model, pixels)


LOG_SCORES = {"learned": True, "class-attention": False}


def threshold_for(name: str, value: float) -> Threshold:
    """The threshold that fits the scores of the selector called `name`.

    Raises ValueError for selectors whose scores have no mean to compare with, and for a bad `value`.
    """
    if name not in LOG_SCORES:
        raise ValueError(f"a threshold needs the selector {' or '.join(LOG_SCORES)}, got {name!r}")
    return Threshold(value, log_scores=LOG_SCORES[name])


def selector_names(config: ViTConfig) -> tuple[str, ...]:
    """The names that a network of this config can be pruned with, the best first."""
    return tuple(name for name in SELECTORS if name != "learned" or config.prune is not None)


def selectors_of(model: VisionTransformer) -> tuple[str, ...]:
    """The names that `model` can be pruned with, the best first."""
    return selector_names(model.config)
