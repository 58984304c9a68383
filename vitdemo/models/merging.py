"""Patches that are not dropped but fused or merged: of which tokens each new one is made."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from vitdemo.models.attention import Sizes, Tokens, widen
from vitdemo.models.precision import without_autocast
from vitdemo.models.pruning import Stage, add_prefix, gather_tokens, rank

LEAST_WEIGHT = 1e-20  # of a patch in the token that it is fused into, so that it counts as part of it

Targets = Int[Tensor, "b m"]
Mix = Float[Tensor, "b r n"]  # how r tokens are made of n: weights, rows sum to 1


@dataclass(frozen=True)
class Present:
    """The tokens that reach a block.

    `ids`: their positions in the original sequence, ascending; of a merged token that of one of its parts.
    `sizes`: how many original tokens each stands for; None = one each.
    """

    x: Tokens
    ids: Int[Tensor, "b n"]
    sizes: Sizes | None = None

    def patch_sizes(self, num_prefix_tokens: int) -> Float[Tensor, "b m"] | None:
        """Return the sizes of the patches alone."""
        return select_patches(self.sizes, num_prefix_tokens)


def select_patches(sizes: Sizes | None, num_prefix_tokens: int) -> Float[Tensor, "b m"] | None:
    """Return the sizes of the patches among those of all tokens; None where each is one."""
    return None if sizes is None else sizes[:, num_prefix_tokens:]


def join(tokens: Present, mix: Mix, rows: Int[Tensor, "b r"]) -> Present:
    """Return the tokens that `mix` makes, each in the place of one of its parts, the one at `rows`.

    A token is as large as all that it is made of.
    """
    sizes = mix.new_ones(tokens.ids.shape) if tokens.sizes is None else tokens.sizes
    with without_autocast(tokens.x.device):
        x = (mix @ tokens.x.to(mix.dtype)).to(tokens.x.dtype)
        sizes = ((mix > 0).to(sizes) @ sizes.unsqueeze(-1)).squeeze(-1)
    return Present(x, tokens.ids.gather(1, rows), sizes)


def place_columns(mix: Mix, ids: Int[Tensor, "b n"], count: int) -> Float[Tensor, "b r n0"]:
    """Return `mix` with a column for each of `count` original positions, of which `ids` were there."""
    columns = ids.unsqueeze(1).expand_as(mix)
    return mix.new_zeros(*mix.shape[:2], count).scatter(2, columns, mix)


def make_mix(
    tokens: Present, targets: Targets, weights: Float[Tensor, "b m"] | None, *, count: int
) -> tuple[Mix, Int[Tensor, "b r"]]:
    """Return the weighted means of the patches that share a target, and where those targets are.

    `targets`: of each patch the relative number of the one that it joins, its own where it stays; there are
    `count` of them. `weights`: above 0; None = all alike. Prefix tokens stay what they are.
    """
    prefix = tokens.ids.shape[1] - targets.shape[1]
    every = add_prefix(targets, prefix)
    places = torch.arange(every.shape[1], device=every.device)
    rows = rank((every == places).float())[:, : prefix + count]
    mix = widen((every.unsqueeze(1) == rows.unsqueeze(2)).to(tokens.x.dtype))
    if weights is not None:
        mix = mix * F.pad(weights, (prefix, 0), value=1.0).unsqueeze(1)
    return mix / mix.sum(dim=-1, keepdim=True), rows


@torch.no_grad()
def fuse_rest(tokens: Present, keep: Int[Tensor, "b k"], stage: Stage) -> tuple[Mix, Int[Tensor, "b r"]]:
    """Return the mix in which one token takes the place of all patches but those at `keep`.

    It is their mean weighted by class attention (Liang et al. 2022, sec. 3.2), and lies where the heaviest
    lies. Departures: the weights are divided by their sum, and it is as large as all its parts together.
    """
    prefix = stage.num_prefix_tokens
    weights = stage.class_attention(tokens.x, tokens.patch_sizes(prefix)).clamp(min=LEAST_WEIGHT)
    leaving = torch.ones_like(weights).scatter(1, keep, 0.0)
    heaviest = (weights * leaving).argmax(dim=1, keepdim=True)
    places = torch.arange(weights.shape[1], device=keep.device)
    return make_mix(tokens, torch.where(leaving > 0, heaviest, places), weights, count=keep.shape[1] + 1)


@torch.no_grad()
def merge_rest(tokens: Present, keep: Int[Tensor, "b k"], stage: Stage) -> tuple[Mix, Int[Tensor, "b r"]]:
    """Return the mix in which each patch joins the one among those at `keep` whose key is most like its own.

    Cosine of the keys of the next block, as ToMe compares them; a mean weighted by size.
    """
    prefix, keys = stage.num_prefix_tokens, F.normalize(stage.keys(tokens.x), dim=-1)
    nearest = (keys @ gather_tokens(keys, keep).transpose(1, 2)).argmax(dim=-1)
    targets = keep.gather(1, nearest).scatter(1, keep, keep)
    return make_mix(tokens, targets, tokens.patch_sizes(prefix), count=keep.shape[1])


@torch.no_grad()
def merge_pairs(tokens: Present, count: int, stage: Stage) -> tuple[Mix, Int[Tensor, "b r"]]:
    """Return the mix after one bipartite soft matching (Bolya et al. 2023, sec. 3), down to `count` patches.

    Every second patch looks for the one of the others whose key is most like its own; the pairs that are most
    alike merge, a mean weighted by size. Only those of one half can leave, so that more patches may be left.
    Departures: it happens before a block and not between its attention and its MLP, so that keys are compared
    that the merged tokens then have, and tokens stay in the order of the picture.
    """
    prefix, keys = stage.num_prefix_tokens, F.normalize(stage.keys(tokens.x), dim=-1)
    patches, first = keys.shape[1], prefix % 2  # as if the whole sequence were split, a class token first
    alike, partners = (keys[:, first::2] @ keys[:, 1 - first :: 2].transpose(1, 2)).max(dim=-1)
    leaving = rank(alike)[:, : patches - count]
    places = torch.arange(patches, device=keys.device).expand(len(keys), -1)
    joined = partners.gather(1, leaving) * 2 + 1 - first
    targets = places.scatter(1, leaving * 2 + first, joined)
    return make_mix(tokens, targets, tokens.patch_sizes(prefix), count=patches - leaving.shape[1])
