"""What predictors learn from: which patches matter to the dense network."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.models import VisionTransformer
from vitdemo.trace import Recorder

Pixels = Float[Tensor, "b ch hh ww"]
Tokens = Float[Tensor, "b n d"]
Classes = Float[Tensor, "b c"]
Wanted = Classes | Callable[[Classes], Classes] | None
TINY = 1e-12  # makes a row of zeros an even distribution


def importance(dense: VisionTransformer, x: Pixels, y: Wanted = None) -> tuple[Float[Tensor, "b m"], Classes]:
    """Return a distribution over the patches, by the later half of the network's layers, and its logits.

    `y`: as `weigh_patches` takes it.
    """
    with torch.inference_mode(False), torch.no_grad():
        tokens = dense.begin(x, layer=len(dense.blocks) // 2).tokens
    return weigh_patches(dense, tokens, y)


def weigh_patches(
    dense: VisionTransformer, tokens: Tokens, y: Wanted
) -> tuple[Float[Tensor, "b m"], Classes]:
    """Return what `importance` does, of the tokens that enter the later half.

    By attention: what each patch gets of it, as a mean over layers, heads and query tokens, where the class
    token counts as much as all patches together.
    With `y`, probabilities of the classes or a function that makes them of the logits, by relevance:
    attention times its gradient, that of the logits weighted by `y`, where it is positive (Chefer et al.
    2021, eq. 5), as a mean over layers, heads and all query tokens. A patch that is looked at, but speaks for
    no class of `y` or against it, counts nothing.
    """
    depth, prefix = len(dense.blocks), dense.config.num_prefix_tokens
    recorder = Recorder(grads=y is not None)
    with torch.inference_mode(False), torch.set_grad_enabled(y is not None):
        tokens = tokens.detach().requires_grad_(y is not None)
        logits = dense.classify(run_blocks(dense, tokens, range(depth // 2, depth), recorder))
        matrices = recorder.attn
        if y is not None:
            wanted = y if isinstance(y, Tensor) else y(logits.detach())
            gradients = torch.autograd.grad(logits, matrices, wanted.to(logits.dtype))
            matrices = [(a.detach() * g).clamp_min(0) for a, g in zip(matrices, gradients, strict=True)]
    by_query = torch.stack(matrices).float().mean(dim=(0, 2))[..., prefix:]
    received = by_query.mean(dim=1) if y is not None or not prefix else sum_attention(by_query, prefix)
    received = received + TINY
    return received / received.sum(dim=-1, keepdim=True), logits.detach()


def run_blocks(
    dense: VisionTransformer, x: Tokens, numbers: Iterable[int], recorder: Recorder | None = None
) -> Tokens:
    """Return what leaves the last of the blocks `numbers`, of which `x`, all tokens, enter the first."""
    ids = torch.arange(x.shape[1], device=x.device).expand(len(x), -1)
    angles = dense.angles(ids)
    for number in numbers:
        x = dense.blocks[number](x, angles=angles, ids=ids, recorder=recorder)
    return x


def sum_attention(by_query: Float[Tensor, "b n m"], prefix: int) -> Float[Tensor, "b m"]:
    """Return what the class token and the mean patch give to each patch."""
    return by_query[:, 0] + by_query[:, prefix:].mean(dim=1)
