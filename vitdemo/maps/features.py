"""What the patch tokens are like after each layer: their first principal components."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from vitdemo.trace import Trace

COMPONENTS = 3
BLOCK = 12  # vectors that are iterated together: the more, the sooner the first three are exact
ROUNDS = 16


def principal_components(trace: Trace) -> tuple[Float[Tensor, "_ 3"], ...]:
    """Return the first three principal components of the patches present after each layer.

    Tokens are divided by their norms, so that artefact tokens do not make up the first. 0 where there are not
    as many.
    A component's sign is arbitrary: each has the one with which it goes along with the component of the layer
    below, over the patches that are in both. In the first layer its largest entry is positive.
    Raise ValueError where the trace has no features.
    """
    if not trace.directions:
        raise ValueError("this trace holds no features")
    found: list[Float[Tensor, "_ 3"]] = []
    below = torch.zeros(trace.num_patches, COMPONENTS, dtype=torch.float64)
    for layer, directions in enumerate(trace.directions):
        ids = trace.patch_ids(layer)
        scores = components(directions[trace.num_prefix_tokens :].double())
        largest = scores.gather(0, scores.abs().argmax(dim=0, keepdim=True))[0]
        along = (scores * below[ids]).sum(dim=0) if layer else largest
        scores = torch.where(along < 0, -scores, scores)
        below = torch.zeros_like(below)
        below[ids] = scores
        found.append(scores.float())
    return tuple(found)


def components(x: Float[Tensor, "n d"]) -> Float[Tensor, "n 3"]:
    """Return the first three principal components of the rows of `x`.

    They come from subspace iteration on the Gram matrix.
    """
    centred = x - x.mean(dim=0)
    gram = centred @ centred.T
    start = torch.randn(len(x), BLOCK, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    basis = torch.linalg.qr(start).Q
    for _ in range(ROUNDS):
        basis = torch.linalg.qr(gram @ basis).Q
    values, vectors = torch.linalg.eigh(basis.T @ gram @ basis)
    scores = (basis @ vectors).flip(1) * values.flip(0).clamp(min=0).sqrt()
    return torch.nn.functional.pad(scores[:, :COMPONENTS], (0, max(0, COMPONENTS - scores.shape[1])))
