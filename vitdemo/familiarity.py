"""Whether a picture is of a kind that a network has learned, told from more than how sure the answer is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What pictures of the learned kinds look like to a network's head (ViM, Wang et al. 2022).

    `centre`: of what the head reads of them. `axes`: orthonormal, along which most of it varies; hardly
    anything of a familiar picture lies beside them. `scale`: logits that a unit beside them weighs.
    `limit`: what few familiar pictures exceed.
    """

    centre: Float[Tensor, "d"]
    axes: Float[Tensor, "d r"]
    scale: Float[Tensor, ""]
    limit: Float[Tensor, ""]

    def strangeness(self, pooled: Float[Tensor, "b d"], logits: Float[Tensor, "b c"]) -> Float[Tensor, "b"]:
        """Return how much of each picture lies beside the axes, less its logits' energy.

        `pooled`: what the head reads, as `VisionTransformer.pool` gives it.
        """
        offset = pooled - self.centre
        beside = (offset - offset @ self.axes @ self.axes.T).norm(dim=-1)
        return self.scale * beside - logits.logsumexp(dim=-1)

    def is_unfamiliar(self, pooled: Float[Tensor, "d"], logits: Float[Tensor, "c"]) -> bool:
        """Return whether one picture is stranger than the limit."""
        return bool(self.strangeness(pooled[None], logits[None])[0] > self.limit)


def fit(pooled: Float[Tensor, "b d"], logits: Float[Tensor, "b c"], *, rank: int) -> Familiarity:
    """Return what the pictures have in common, along `rank` axes, without a limit as yet."""
    centre = pooled.mean(dim=0)
    axes = torch.linalg.svd(pooled - centre, full_matrices=False).Vh[:rank].T.contiguous()
    bare = Familiarity(centre, axes, torch.tensor(1.0), torch.tensor(torch.inf))
    beside = bare.strangeness(pooled, torch.zeros(len(pooled), 1))
    return Familiarity(centre, axes, logits.amax(dim=-1).mean() / beside.mean(), bare.limit)
