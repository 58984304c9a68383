"""What predictors learn from: which patches matter to the dense network."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Begun
from vitdemo.trace import Recorder

Pixels = Float[Tensor, "b ch hh ww"]
Classes = Float[Tensor, "b c"]
Wanted = Classes | Callable[[Classes], Classes] | None
TINY = 1e-12  # makes a row of zeros an even distribution


def importance(dense: VisionTransformer, x: Pixels, y: Wanted = None) -> tuple[Float[Tensor, "b m"], Classes]:
    """Return a distribution over the patches, by the later half of the network's layers, and its logits.

    `y`: as `weigh_patches` takes it.
    """
    with torch.inference_mode(False), torch.no_grad():
        begun = dense.begin(x, layer=len(dense.blocks) // 2)
    return weigh_patches(dense, begun, y)


def weigh_patches(dense: VisionTransformer, begun: Begun, y: Wanted) -> tuple[Float[Tensor, "b m"], Classes]:
    """Return what `importance` does, by the layers from those that `begun` enters on.

    By attention: what each patch gets of it, as a mean over layers, heads and query tokens, where the class
    token counts as much as all patches together.
    With `y`, probabilities of the classes or a function that makes them of the logits, by relevance:
    attention times its gradient, that of the logits weighted by `y`, where it is positive (Chefer et al.
    2021, eq. 5), as a mean over layers, heads and all query tokens. A patch that is looked at, but speaks for
    no class of `y` or against it, counts nothing.
    """
    recorder, prefix = Recorder(grads=y is not None), dense.config.num_prefix_tokens
    with torch.inference_mode(False), torch.set_grad_enabled(y is not None):
        tokens = begun.tokens.detach().requires_grad_(y is not None)
        logits = dense(begun._replace(tokens=tokens), recorder=recorder)
        matrices = recorder.attn
        if y is not None:
            wanted = y if isinstance(y, Tensor) else y(logits.detach())
            gradients = torch.autograd.grad(logits, matrices, wanted.to(logits.dtype))
            matrices = [(a.detach() * g).clamp_min(0) for a, g in zip(matrices, gradients, strict=True)]
    by_query = torch.stack(matrices).float().mean(dim=(0, 2))[..., prefix:]
    received = by_query.mean(dim=1) if y is not None or not prefix else sum_attention(by_query, prefix)
    received = received + TINY
    return received / received.sum(dim=-1, keepdim=True), logits.detach()


def sum_attention(by_query: Float[Tensor, "b n m"], prefix: int) -> Float[Tensor, "b m"]:
    """Return what the class token and the mean patch give to each patch."""
    return by_query[:, 0] + by_query[:, prefix:].mean(dim=1)
