"""The objective of DynamicViT's authors (Rao et al. 2021, eq. 12-16): one keep ratio, Gumbel policies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from train.batches import Batch
from train.config import TrainConfig
from train.losses import Outcome, supervised_loss
from vitdemo.models import DynamicViT, VisionTransformer
from vitdemo.models.dynamic_vit import Gumbel


def ratio_loss(policies: Sequence[Float[Tensor, "b n"]], keep_ratio: float) -> Tensor:
    """Return the mean over stages s = 1, 2, ... and pictures of (share kept - rho^s)^2 (eq. 15)."""
    shares = torch.stack([policy.float().mean(dim=1) for policy in policies])
    stages = torch.arange(1, len(policies) + 1, device=shares.device).unsqueeze(1)
    return (shares - keep_ratio**stages).square().mean()


def token_loss(
    student: Float[Tensor, "b n d"], teacher: Float[Tensor, "b n d"], policy: Float[Tensor, "b n"]
) -> Tensor:
    """Return the mean squared difference of the final patch tokens that the last stage kept (eq. 13).

    The mean runs over channels too, as in the official code. 0 where a draw kept nothing.
    """
    kept = policy.detach().float()
    each = (student.float() - teacher.float()).square().mean(dim=-1)
    return (each * kept).sum() / kept.sum().clamp(min=1)


def official_loss(
    model: DynamicViT, batch: Batch, *, config: TrainConfig, dense: VisionTransformer
) -> Outcome:
    """Return the losses of labels, dense network's answers and final tokens, and wanted keep ratio (eq. 16).

    Each patch stays or goes by a straight-through Gumbel draw; attention is masked. The keep ratio is the
    model's own, `config.model.prune.keep_ratio`. A teacher that already answered for the batch is heard
    instead of `dense`, whose tokens are learned all the same.
    """
    assert model.config.prune is not None
    with torch.no_grad():
        last = dense.encode(batch.x).x
        logits = dense.classify(last).float()
        wanted = dense.norm(last)[:, dense.config.num_prefix_tokens :]
    if batch.soft is None:
        batch = replace(batch, soft=(logits / config.distil.temperature).softmax(dim=-1))
    output = model.forward_masked(batch.x, Gumbel())
    ratio = ratio_loss(output.policies, model.config.prune.keep_ratio)
    tokens = token_loss(output.patches, wanted, output.policies[-1])
    outcome = supervised_loss(output.logits, batch, config)
    outcome.losses["ratio"] = config.prune.ratio_weight * ratio
    outcome.losses["tokens"] = config.prune.token_weight * tokens
    return outcome
