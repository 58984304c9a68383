"""A model and one image give a `Trace`: the pass is run once, watched, and frozen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.models.merging import select_patches
from vitdemo.models.pruning import Begun, Explicit, Pruning
from vitdemo.models.relevance import RelevanceRules
from vitdemo.models.stages import find_prune_loc
from vitdemo.models.vit import VisionTransformer
from vitdemo.trace import Recorder, Trace

RELEVANCES = {"relevance": False, "residual_relevance": True}  # field of a trace -> by the rules of ResLRP


def record(
    model: VisionTransformer,
    pixels: Float[Tensor, "1 ch hh ww"],
    *,
    pruning: Pruning | None = None,
    target: int | tuple[int, int] | None = None,
    grads: bool = False,
    name: str = "",
) -> Trace:
    """Run `model` once on one image and freeze what happened.

    `grads`: also go back from one score to every layer's attention and to the last block's input, and from
    the same score read early, after each layer, to that layer's attention; also where the caller has switched
    gradients off. Which patches a selector keeps is taken as given; no gradient goes through the choice.
    Parameters are left as they are. `target`: the class whose logit is the score (None: the one with the
    highest), or a class and another, whose logit is taken off.
    Raise ValueError when `pixels` holds more than one image, when the model has no head to go back from or
    was made under `torch.inference_mode`, or when `target` is not of its classes, is one class against
    itself, or is given without `grads`.
    """
    if len(pixels) != 1:
        raise ValueError(f"record takes one image, got a batch of {len(pixels)}")
    target, against = target if isinstance(target, tuple) else (target, None)
    check_target(target, against, grads=grads, num_classes=model.config.num_classes)
    if grads and any(parameter.is_inference() for parameter in model.parameters()):
        raise ValueError("grads=True needs a model that was made outside torch.inference_mode")
    recorder = Recorder(grads=grads)
    gradients = None
    with torch.inference_mode(False), torch.set_grad_enabled(grads):
        # Gradients need a graph to run along, and parameters that need none do not start one.
        start = pixels.detach().clone().requires_grad_() if grads else pixels
        logits = model(start, pruning=pruning, recorder=recorder)
        if grads:
            target = int(logits[0].argmax()) if target is None else target
            gradients = go_back(model, recorder, logits, target=target, against=against)
        return freeze(model, recorder, logits.detach(), gradients=gradients, name=name)


def record_pruned(
    model: VisionTransformer,
    pixels: Float[Tensor, "1 ch hh ww"],
    pruning: Pruning,
    *,
    name: str = "",
) -> tuple[Trace, Trace]:
    """Return the traces of `record` without pruning and with it, which drops no patch at the input.

    Up to the first cut both passes are one, so that the second goes on from the first one's tokens.
    """
    assert not isinstance(pruning.rule, Explicit), "patches may be gone at the input"
    dense, first = Recorder(), find_prune_loc(pruning.rule, model.config)[0]
    with torch.inference_mode(False), torch.no_grad():
        logits = model(pixels, recorder=dense)
        start = Begun(first, dense.features[first - 1], dense.token_ids[first - 1]) if first else pixels
        pruned = dense.until(first)
        less = model(start, pruning=pruning, recorder=pruned)
        return (
            freeze(model, dense, logits, gradients=None, name=name),
            freeze(model, pruned, less, gradients=None, name=name),
        )


def check_target(target: int | None, against: int | None, *, grads: bool, num_classes: int) -> None:
    """Raise ValueError where `record` cannot go back from those logits."""
    if grads and not num_classes:
        raise ValueError("gradients are of a class, and this model has no head")
    named = [one for one in (target, against) if one is not None]
    if named and not grads:
        raise ValueError("target is the class of the gradients: ask for grads=True")
    for one in named:
        if not 0 <= one < num_classes:
            raise ValueError(f"target must be a class from 0 to {num_classes - 1}, got {one}")
    if named and target == against:
        raise ValueError(f"target must be two different classes, got {target} twice")


@dataclass(frozen=True)
class Gradients:
    """The fields of a `Trace` that are of a score."""

    target: int
    against: int | None
    attn_grad: tuple[Float[Tensor, "h _ _"], ...]
    early_grad: tuple[Float[Tensor, "h _"], ...]
    tokens: Float[Tensor, "n d"]
    token_grad: Float[Tensor, "n d"]


def go_back(
    model: VisionTransformer,
    recorder: Recorder,
    logits: Float[Tensor, "1 c"],
    *,
    target: int,
    against: int | None,
) -> Gradients:
    """Return the gradients of a score in a pass whose graph is there; it is used up."""
    sources = [*recorder.attn, recorder.entered[-1]]
    found = torch.autograd.grad(score(logits, target, against), sources, retain_graph=True)
    early = []
    prefix = model.config.num_prefix_tokens
    for attn, tokens, sizes in zip(recorder.attn, recorder.features, recorder.sizes, strict=True):
        logits = model.classify(tokens, policy=select_patches(sizes, prefix))
        (gradient,) = torch.autograd.grad(score(logits, target, against), attn)
        queries = attn.shape[-2] if sizes is None else float(sizes.sum())
        early.append(detach(gradient.clamp(min=0).sum(dim=-2) / queries))
    return Gradients(
        target=target,
        against=against,
        attn_grad=tuple(detach(gradient) for gradient in found[:-1]),
        early_grad=tuple(early),
        tokens=detach(recorder.entered[-1]),
        token_grad=detach(found[-1]),
    )


def score(logits: Float[Tensor, "1 c"], target: int, against: int | None) -> Float[Tensor, ""]:
    """Return the logit of class `target`, less that of class `against` where one is named."""
    return logits[0, target] if against is None else logits[0, target] - logits[0, against]


def add_relevance(
    trace: Trace,
    model: VisionTransformer,
    pixels: Float[Tensor, "1 ch hh ww"],
    *,
    kinds: Iterable[str] = RELEVANCES,
) -> Trace:
    """Return `trace` of these pixels, which has a target, with the relevance of each layer's tokens besides.

    For each of `kinds`, fields of a trace among `RELEVANCES`, the network runs once more, forward and back
    under `RelevanceRules`, on the patches that it kept.
    """
    found = {
        kind: run_back(trace, model, pixels, rules=RelevanceRules(residual=RELEVANCES[kind]))
        for kind in kinds
    }
    return replace(trace, **found)


def run_back(
    trace: Trace, model: VisionTransformer, pixels: Float[Tensor, "1 ch hh ww"], *, rules: RelevanceRules
) -> tuple[Float[Tensor, "_"], ...]:
    """Return what each token that enters a layer adds to the score of `trace`, by those rules."""
    assert trace.target is not None, "relevance is of a class"
    recorder, again = Recorder(grads=True), Pruning(None, repeat(trace))
    with torch.inference_mode(False), torch.enable_grad(), rules:
        start = pixels.detach().clone().requires_grad_()
        logits = model(start, pruning=again, recorder=recorder)
        found = torch.autograd.grad(score(logits, trace.target, trace.against), recorder.entered)
    parts = zip(recorder.entered, found, strict=True)
    return tuple(detach((tokens * gradient).sum(dim=-1)) for tokens, gradient in parts)


def repeat(trace: Trace) -> Explicit:
    """Return the rule by which a pass keeps and merges the very patches that `trace` did, where it did."""
    cuts = trace.cuts
    entered = None if cuts[:1] == (0,) else trace.patch_ids(0)
    return Explicit(
        (entered, *(trace.patch_ids(layer) for layer in cuts)),
        mixes=(None, *(trace.mixes[layer] for layer in cuts)) if trace.mixes else (),
        prune_loc=cuts,
    )


@torch.no_grad()
def freeze(
    model: VisionTransformer,
    recorder: Recorder,
    logits: Float[Tensor, "1 c"],
    *,
    gradients: Gradients | None,
    name: str,
) -> Trace:
    """Return the trace of a pass that is over: on the CPU, in fp32, free of the graph."""
    features, prefix = [detach(tokens) for tokens in recorder.features], model.config.num_prefix_tokens
    last, policy = recorder.features[-1], select_patches(recorder.sizes[-1], prefix)
    merged = any(mix is not None for mix in recorder.mixes)
    norms = [tokens.norm(dim=-1, keepdim=True).clamp(min=1e-12) for tokens in features]
    return Trace(
        model=name,
        grid=model.config.grid,
        num_prefix_tokens=prefix,
        logits=detach(logits) if model.config.num_classes else None,
        attn=tuple(detach(attn) for attn in recorder.attn),
        token_ids=tuple(ids[0].cpu() for ids in recorder.token_ids),
        readout=detach(model.readout(last, policy)),
        mixes=tuple(mix if mix is None else detach(mix) for mix in recorder.mixes) if merged else (),
        scores=tuple(detach(score) for score in recorder.scores),
        prune_loc=tuple(recorder.stages),
        token_norms=tuple(norm[:, 0] for norm in norms),
        directions=tuple((tokens / norm).half() for tokens, norm in zip(features, norms, strict=True)),
        pooled=detach(model.pool(last, policy)),
        **({} if gradients is None else vars(gradients)),
    )


def detach(values: Float[Tensor, "1 *shape"]) -> Float[Tensor, "*shape"]:
    """Return the one image of a batch: detached, in fp32, on the CPU."""
    return values[0].detach().float().cpu()
