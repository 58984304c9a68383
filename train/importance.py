"""What the elastic objective's predictors learn from: which patches matter to the dense network."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.models import VisionTransformer
from vitdemo.trace import Recorder

Pixels = Float[Tensor, "b ch hh ww"]
TINY = 1e-12  # makes a row of zeros an even distribution


def importance(
    dense: VisionTransformer, x: Pixels, y: Float[Tensor, "b c"] | None = None
) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b c"]]:
    """Return a distribution over the patches, by the later half of the network's layers, and its logits.

    By attention: what each patch gets of it, as a mean over layers, heads and query tokens, where the class
    token counts as much as all patches together.
    With `y`, probabilities of the classes, by relevance: attention times its gradient, that of the logits
    weighted by `y`, where it is positive (Chefer et al. 2021, eq. 5), as a mean over layers, heads and all
    query tokens. A patch that is looked at, but speaks for no class of `y` or against it, counts nothing.
    """
    half, prefix = len(dense.blocks) // 2, dense.config.num_prefix_tokens
    recorder = Recorder(grads=y is not None)
    with torch.inference_mode(False), torch.no_grad():
        x = dense.embed(x)
        for block in dense.blocks[:half]:
            x = block(x)
    with torch.inference_mode(False), torch.set_grad_enabled(y is not None):
        x.requires_grad_(y is not None)
        for block in dense.blocks[half:]:
            x = block(x, recorder=recorder)
        logits = dense.classify(x)
        matrices = recorder.attn
        if y is not None:
            gradients = torch.autograd.grad(logits, matrices, y.to(logits.dtype))
            matrices = [(a.detach() * g).clamp_min(0) for a, g in zip(matrices, gradients, strict=True)]
    by_query = torch.stack(matrices).float().mean(dim=(0, 2))[..., prefix:]
    received = by_query.mean(dim=1) if y is not None or not prefix else sum_attention(by_query, prefix)
    received = received + TINY
    return received / received.sum(dim=-1, keepdim=True), logits.detach()


def sum_attention(by_query: Float[Tensor, "b n m"], prefix: int) -> Float[Tensor, "b m"]:
    """Return what the class token and the mean patch give to each patch."""
    return by_query[:, 0] + by_query[:, prefix:].mean(dim=1)
