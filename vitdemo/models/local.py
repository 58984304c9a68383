"""A depth-wise convolution over the values, mixed into attention so that both are one matrix of each head."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from vitdemo.config import ViTConfig
from vitdemo.models.precision import without_autocast

Heads = Float[Tensor, "b h n e"]
Ids = Int[Tensor, "b n"]
Counts = Float[Tensor, "b n"] | None
LEAST = 1e-12  # of a weight, so that a patch without neighbours still has itself


class LocalMix(nn.Module):
    """Mixes the mean of the values nearby into what attention gives each patch: `M = (1 - g) A + g C`.

    FLatten (Han et al. 2023, eq. 9) adds a depth-wise convolution, `A V + DWC(V)`, since linear attention
    hardly tells near from far. That is another matrix for each channel, of any sign, of which no map could
    tell the truth. Here all channels of a head share one kernel w > 0; C_ij = w(j - i) / sum_j w(j - i) runs
    over the patches j that are present; g in (0, 1) is learned for each head. So M is exactly one n x n
    matrix of each head, no weight of it is negative, and its rows sum to 1 as those of any attention. What a
    sign could do is left to the layers around it. Prefix tokens have no place: their rows are those of A.

    `ids`: the original positions of the tokens; one that stands for several is where the kept one was.
    `counts`: how often each counts as a key, None = once; for itself it does so once at least, as in
    `policy_softmax`.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.grid, self.prefix, self.side = config.grid, config.num_prefix_tokens, config.local_kernel
        self.kernel = nn.Parameter(torch.zeros(config.num_heads, self.side, self.side))  # log w
        self.gate = nn.Parameter(torch.zeros(config.num_heads))  # logit of g

    def forward(self, out: Heads, v: Heads, ids: Ids, *, counts: Counts = None) -> Heads:
        """Return `M V`, where `out` is `A V`, without a square matrix: O(places k^2)."""
        with without_autocast(v.device):
            patches = v[:, :, self.prefix :].to(self.weights().dtype)
            counted = torch.cat([patches, torch.ones_like(patches[..., :1])], dim=-1)
            if counts is None:
                near = self.slide(counted, ids)
            else:
                part = counts[:, None, self.prefix :, None].to(patches.dtype)
                middle = self.weights()[:, self.side // 2, self.side // 2, None, None]
                near = self.slide(part * counted, ids) + (1 - part).clamp_min(0) * middle * counted
            near, gate = near[..., :-1] / near[..., -1:], self.gate.sigmoid()[:, None, None]
            mixed = (1 - gate) * out[:, :, self.prefix :].to(near.dtype) + gate * near
        return torch.cat([out[:, :, : self.prefix], mixed.to(out.dtype)], dim=2)

    def matrix(
        self, attn: Float[Tensor, "b h n n"], ids: Ids, *, counts: Counts = None
    ) -> Float[Tensor, "b h n n"]:
        """Return M, where `attn` is A."""
        places = ids[:, self.prefix :] - self.prefix
        rows, columns = places // self.grid[1], places % self.grid[1]
        down, across = (x[:, None] - x[:, :, None] + self.side // 2 for x in (rows, columns))
        inside = (down >= 0) & (down < self.side) & (across >= 0) & (across < self.side)
        offsets = (down * self.side + across).masked_fill(~inside, 0)
        near = (self.weights().flatten(1)[:, offsets] * inside).transpose(0, 1)
        if counts is not None:
            part = counts[:, None, None, self.prefix :].to(near.dtype)
            own = (1 - part).clamp_min(0) * torch.eye(places.shape[1], device=near.device)
            near = near * (part + own)
        near = F.pad(near / near.sum(dim=-1, keepdim=True), (self.prefix, 0, self.prefix, 0))
        gate = self.gate.sigmoid()[:, None, None].expand(-1, places.shape[1], 1)
        gate = F.pad(gate, (0, 0, self.prefix, 0))
        return (1 - gate) * attn + gate * near

    def weights(self) -> Float[Tensor, "h k k"]:
        """Return w, of each head, in 32 bits at least; they sum to 1."""
        kernel = self.kernel.to(torch.promote_types(self.kernel.dtype, torch.float32))
        return kernel.flatten(1).softmax(dim=-1).clamp_min(LEAST).view_as(kernel)

    def slide(self, x: Float[Tensor, "b h m e"], ids: Ids) -> Float[Tensor, "b h m e"]:
        """Return the sum over the patches nearby of w times `x`, for each patch that is present."""
        b, heads, m, width = x.shape
        flat = x.transpose(2, 3).reshape(b, heads * width, m)
        index = (ids[:, None, self.prefix :] - self.prefix).expand(-1, heads * width, -1)
        places = flat.new_zeros(b, heads * width, self.grid[0] * self.grid[1]).scatter_add(2, index, flat)
        kernels = self.weights().repeat_interleave(width, dim=0)[:, None]
        summed = F.conv2d(
            places.unflatten(2, self.grid), kernels, padding=self.side // 2, groups=heads * width
        )
        return summed.flatten(2).gather(2, index).unflatten(1, (heads, width)).transpose(2, 3)
