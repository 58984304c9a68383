"""What scores tokens: the learned predictor, and the training-free controls that work on every ViT."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.config import ViTConfig
from vitdemo.message import Message
from vitdemo.models.attention import Tokens
from vitdemo.models.dynamic_vit import DynamicViT
from vitdemo.models.pruning import FixedRatio, Pruning, Stage, Threshold, TokenSelector
from vitdemo.models.reductions import find_reduction
from vitdemo.models.schedule import Schedule
from vitdemo.models.vit import VisionTransformer

Policy = Float[Tensor, "b m"] | None


@dataclass(frozen=True)
class Learned:
    """DynamicViT's predictor: the log-probability that a patch is kept (Rao et al. 2021, eq. 2-5).

    Where it was trained as a distribution over patches, only differences between patches mean something; see
    `Threshold`.
    """

    model: DynamicViT

    def __call__(self, x: Tokens, policy: Policy, stage: Stage) -> Float[Tensor, "b m"]:
        return self.model.predictor(stage.layer)(x[:, stage.num_prefix_tokens :], policy)[..., 0]


@dataclass(frozen=True)
class ClassAttention:
    """How much the class token attends to each patch in the next block, mean over heads (as EViT scores).

    A network without a class token answers with the mean query.
    """

    def __call__(self, x: Tokens, policy: Policy, stage: Stage) -> Float[Tensor, "b m"]:
        return stage.class_attention(x, policy)


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


@dataclass(frozen=True)
class Together:
    """Several selectors in one batch. `parts`: each with the number of pictures that it scores, in order."""

    parts: tuple[tuple[TokenSelector, int], ...]

    def __call__(self, x: Tokens, policy: Policy, stage: Stage) -> Float[Tensor, "b m"]:
        scores, end = [], 0
        for selector, count in self.parts:
            rows, end = slice(end, end + count), end + count
            angles = None if stage.angles is None else stage.angles[rows]
            own = None if policy is None else policy[rows]
            scores.append(selector(x[rows], own, replace(stage, angles=angles)))
        return torch.cat(scores)


def make_random(pixels: Float[Tensor, "b ch hh ww"]) -> Random:
    """Return a random selector whose seeds are checksums of the pictures."""
    return Random(tuple(zlib.crc32(image.numpy().tobytes()) for image in pixels.detach().float().cpu()))


def make_best(model: VisionTransformer) -> TokenSelector:
    """Return the learned predictor where there is one, else class attention."""
    return Learned(model) if isinstance(model, DynamicViT) else ClassAttention()


def make_learned(model: VisionTransformer) -> Learned:
    """Return the predictor of `model`. Raise ValueError for a network without one."""
    if not isinstance(model, DynamicViT):
        others = ", ".join(spec.key for spec in SELECTORS.values() if not spec.needs_predictor)
        raise ValueError(f"selector 'learned' needs a DynamicViT; choose one of {others}")
    return Learned(model)


@dataclass(frozen=True)
class SelectorSpec:
    """A selector as the page offers it.

    `words`: how it scores, as a clause. `score_label`: what the colour bar of its scores says. `make`: the
    selector for a model and its pictures. `log_scores`: whether its scores are logarithms; None where they
    have no mean that a threshold could be compared with. `needs_predictor`: only for a network that learned
    to score. `asks_predictor`: of such a network it takes no stage where no predictor stands.
    """

    key: str
    title: Message
    words: Message
    score_label: Message
    make: Callable[[VisionTransformer, Float[Tensor, "b ch hh ww"]], TokenSelector]
    log_scores: bool | None = None
    needs_predictor: bool = False
    asks_predictor: bool = False


SELECTORS: dict[str, SelectorSpec] = {  # the best first
    spec.key: spec
    for spec in (
        SelectorSpec(
            key="learned",
            title=Message("Learned predictor"),
            words=Message(
                "a small network, trained with the rest, predicts for each patch how likely it should be kept"
            ),
            score_label=Message("keep weight (1 = mean)"),
            make=lambda model, pixels: make_learned(model),
            log_scores=True,
            needs_predictor=True,
            asks_predictor=True,
        ),
        SelectorSpec(
            key="class-attention",
            title=Message("Class attention"),
            words=Message("the attention that each patch gets in the next block is its score"),
            score_label=Message("class attention"),
            make=lambda model, pixels: ClassAttention(),
            log_scores=False,
        ),
        SelectorSpec(
            key="random",
            title=Message("Random"),
            words=Message("each patch gets a random score, as a control"),
            score_label=Message("random score"),
            make=lambda model, pixels: make_random(pixels),
        ),
        SelectorSpec(
            key="inverted",
            title=Message("Inverted (worst first)"),
            words=Message("the usual scores are negated, as a control, so that the best patches go first"),
            score_label=Message("inverted score"),
            make=lambda model, pixels: Inverted(make_best(model)),
            asks_predictor=True,
        ),
    )
}


def make_selector(
    name: str, *, model: VisionTransformer, pixels: Float[Tensor, "b ch hh ww"]
) -> TokenSelector:
    """Return the selector called `name` for these pictures. Raise ValueError naming the known ones."""
    if name not in SELECTORS:
        raise ValueError(f"selector must be one of {', '.join(SELECTORS)}, got {name!r}")
    return SELECTORS[name].make(model, pixels)


def prune_by(
    name: str,
    keep: float | Schedule,
    *,
    model: VisionTransformer,
    pixels: Float[Tensor, "b ch hh ww"],
    reduction: str = "drop",
) -> Pruning:
    """Return the pruning of these pictures by the selector called `name`.

    `keep`: the share that each stage keeps, or which stages there are and what each keeps. `reduction`: what
    becomes of the others; one that asks no selector takes any `name`. Raise ValueError as `make_selector` and
    `find_reduction`.
    """
    asked = find_reduction(reduction).asks_selector
    selector = make_selector(name, model=model, pixels=pixels) if asked else None
    return Pruning(selector, keep if isinstance(keep, Schedule) else FixedRatio(keep), reduction)


def takes_threshold(name: str) -> bool:
    """Return whether the selector called `name` gives scores that a threshold can be compared with."""
    return name in SELECTORS and SELECTORS[name].log_scores is not None


def make_threshold(name: str, value: float) -> Threshold:
    """Return the threshold that fits the scores of the selector called `name`.

    Raise ValueError for selectors whose scores have no mean to compare with, and for a bad `value`.
    """
    if not takes_threshold(name):
        fitting = " or ".join(filter(takes_threshold, SELECTORS))
        raise ValueError(f"a threshold needs the selector {fitting}, got {name!r}")
    return Threshold(value, log_scores=bool(SELECTORS[name].log_scores))


def list_selectors(config: ViTConfig, prune_loc: Collection[int] = ()) -> tuple[str, ...]:
    """Return the names that a network of this config can be pruned with, the best first.

    `prune_loc`: the blocks before which that shall be, none = its own.
    """
    learned = config.prune is not None
    missing = learned and not set(config.prune_loc).issuperset(prune_loc)
    return tuple(
        spec.key
        for spec in SELECTORS.values()
        if (learned or not spec.needs_predictor) and not (missing and spec.asks_predictor)
    )
