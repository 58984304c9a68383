"""DynamicViT (Rao et al. 2021): a ViT that learns which tokens to drop, and its training path."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vitdemo.config import ViTConfig
from vitdemo.models.layers import init_weights
from vitdemo.models.precision import without_autocast
from vitdemo.models.pruning import FixedRatio, Threshold, passes_threshold, top_policy
from vitdemo.models.schedule import Schedule
from vitdemo.models.stages import count_patches, find_prune_loc
from vitdemo.models.vit import VisionTransformer


class TokenPredictor(nn.Module):
    """Scores patch tokens from their own features and the mean of those still kept (eq. 2-5).

    Return log-probabilities `(b, n, 2)`; index 0 = keep. Parameters are named as in the official code.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.in_conv = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, dim), nn.GELU())
        self.out_conv = nn.Sequential(
            nn.Linear(dim, dim // 2),
            nn.GELU(),
            nn.Linear(dim // 2, dim // 4),
            nn.GELU(),
            nn.Linear(dim // 4, 2),
            nn.LogSoftmax(dim=-1),
        )

    def forward(
        self, patches: Float[Tensor, "b n d"], policy: Float[Tensor, "b n"] | None = None
    ) -> Float[Tensor, "b n 2"]:
        local, shared = self.in_conv(patches).chunk(2, dim=-1)
        if policy is None:
            mean = shared.mean(dim=1, keepdim=True)
        else:
            weight = policy.unsqueeze(-1)
            kept = weight.sum(dim=1, keepdim=True).clamp(min=0.5)  # a Gumbel draw may drop every patch
            mean = (shared * weight).sum(dim=1, keepdim=True) / kept
        return self.out_conv(torch.cat([local, mean.expand_as(local)], dim=-1))


@dataclass(frozen=True)
class Gumbel:
    """Training's rule: each token stays or goes by a straight-through Gumbel-softmax draw (eq. 6-7)."""

    tau: float = 1.0


@dataclass(frozen=True)
class MaskedOutput:
    """What the training path returns.

    `policies` and `scores`: a stage each, `(b, num_patches)`; scores are log keep-probabilities.
    `patches`: the patch tokens after the last block and `norm` (the identity where the network normalises
    after pooling), dropped ones too.
    """

    logits: Float[Tensor, "b c"]
    policies: tuple[Float[Tensor, "b n"], ...]
    scores: tuple[Float[Tensor, "b n"], ...]
    patches: Float[Tensor, "b n d"]


class DynamicViT(VisionTransformer):
    """A ViT with a learned token predictor before each block of `config.prune.prune_loc`."""

    def __init__(self, config: ViTConfig) -> None:
        if config.prune is None:
            raise ValueError("DynamicViT needs a config with prune set")
        super().__init__(config)
        stages = len(config.prune.prune_loc)
        self.score_predictor = nn.ModuleList(TokenPredictor(config.embed_dim) for _ in range(stages))
        self.score_predictor.apply(init_weights)

    def predictor(self, layer: int) -> nn.Module:
        """Return the predictor that stands before block `layer`. Raise ValueError where there is none."""
        loc = self.config.prune_loc
        if layer not in loc:
            known = ", ".join(map(str, loc))
            raise ValueError(f"learned predictors stand before layers {known}, none before layer {layer}")
        return self.score_predictor[loc.index(layer)]

    def forward_masked(
        self, x: Float[Tensor, "b ch hh ww"], rule: FixedRatio | Schedule | Threshold | Gumbel
    ) -> MaskedOutput:
        """Run the training path: shapes stay fixed, dropped tokens are masked, and scores get gradients.

        With another rule than `Gumbel` the same tokens stay as in `forward`, of equal scores too, and the
        logits agree. Under autocast the two paths round what a later predictor sees in different places, so
        that scores as near as half precision's rounding may change places there. Raise ValueError for a
        schedule with a stage where no predictor stands.
        """
        x = self.embed(x)
        prefix, n = self.config.num_prefix_tokens, self.config.num_patches
        policy, full = x.new_ones(len(x), n), None
        ids = torch.arange(prefix + n, device=x.device).expand(len(x), -1)
        angles = self.angles(ids)
        policies, scores = [], []
        prune_loc = self.config.prune_loc if isinstance(rule, Gumbel) else find_prune_loc(rule, self.config)
        for index, block in enumerate(self.blocks):
            if index in prune_loc:
                with without_autocast(x.device):  # scores as `forward` takes them
                    log_probs = self.predictor(index)(x[:, prefix:], policy)
                policy = self.next_policy(log_probs, policy, rule, stage=len(scores))
                scores.append(log_probs[..., 0])
                policies.append(policy)
                full = torch.cat([policy.new_ones(len(x), prefix), policy], dim=1)
            x = block(x, policy=full, angles=angles, ids=ids)
        logits = self.classify(x, policy=policy)
        return MaskedOutput(logits, tuple(policies), tuple(scores), self.norm(x)[:, prefix:])

    def next_policy(
        self,
        log_probs: Float[Tensor, "b n 2"],
        policy: Float[Tensor, "b n"],
        rule: FixedRatio | Schedule | Threshold | Gumbel,
        *,
        stage: int,
    ) -> Float[Tensor, "b n"]:
        """Return the policy after one stage; once dropped, dropped."""
        if isinstance(rule, Gumbel):
            return F.gumbel_softmax(log_probs.float(), tau=rule.tau, hard=True)[..., 0] * policy
        if isinstance(rule, Threshold):
            return passes_threshold(log_probs[..., 0].detach(), rule, policy).to(policy.dtype)
        return top_policy(log_probs[..., 0].detach(), policy, count_patches(rule, stage, self.config))
