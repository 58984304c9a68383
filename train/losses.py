"""Pure losses: each takes a network and a batch, and returns the answers and the terms to be added up."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from train.batches import Batch, Targets
from train.config import TrainConfig
from train.importance import importance
from vitdemo.models import DynamicViT, VisionTransformer
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning, Stage, random_subset
from vitdemo.models.selectors import Learned
from vitdemo.trace import Recorder

Pixels = Float[Tensor, "b ch hh ww"]
Losses = dict[str, Tensor]


class Outcome(NamedTuple):
    """What a loss makes of a batch: the network's answers, without gradients, and the terms to add up."""

    logits: Float[Tensor, "b c"]
    losses: Losses


def distillation_loss(student: Float[Tensor, "b c"], teacher: Targets, temperature: float) -> Tensor:
    """Return KL(teacher || student) at a temperature, scaled by its square (Hinton et al. 2015, sec. 2).

    `student`: logits. `teacher`: probabilities, already at that temperature.
    """
    logs = F.log_softmax(student.float() / temperature, dim=-1)
    return F.kl_div(logs, teacher, reduction="batchmean") * temperature**2


def supervised_loss(logits: Float[Tensor, "b c"], batch: Batch, config: TrainConfig) -> Outcome:
    """Return cross-entropy with the labels, and the divergence from the teacher where one has answered."""
    target = F.cross_entropy(logits.float(), batch.y, label_smoothing=config.augment.label_smoothing)
    losses = {"cross_entropy": config.distil.label_weight * target}
    if batch.soft is not None:
        answers = distillation_loss(logits, batch.soft, config.distil.temperature)
        losses["distill"] = config.distil.weight * answers
    return Outcome(logits.detach(), losses)


def classify_loss(model: nn.Module, batch: Batch, *, config: TrainConfig, token_keep: float = 1.0) -> Outcome:
    """Return the supervised losses on a random share of the patches."""
    if token_keep == 1:
        return supervised_loss(model(batch.x), batch, config)
    assert isinstance(model, VisionTransformer)
    patches, count = model.config.num_patches, len(batch.x)
    ids = random_subset(count, patches, max(1, round(patches * token_keep)), device=batch.x.device)
    return supervised_loss(
        model(batch.x, pruning=Pruning(None, Explicit((ids,), checked=True))), batch, config
    )


class Noisy:
    """A learned selector whose choices carry Gumbel noise, so that training sees near misses too."""

    def __init__(self, model: DynamicViT, scale: float) -> None:
        self.inner, self.scale = Learned(model), scale
        self.clean: list[Float[Tensor, "b _"]] = []

    def __call__(
        self, x: Float[Tensor, "b n d"], policy: Float[Tensor, "b m"] | None, stage: Stage
    ) -> Float[Tensor, "b m"]:
        scores = self.inner(x, policy, stage)
        self.clean.append(scores)
        uniform = torch.rand_like(scores).clamp_min(1e-9)
        return scores.detach() - self.scale * torch.log(-torch.log(uniform))


def score_loss(
    scores: list[Float[Tensor, "b _"]], ids: list[Int[Tensor, "b _"]], target: Float[Tensor, "b n"]
) -> Tensor:
    """Return the mean over stages of KL(target || softmax(scores)), each over the patches still present."""
    terms = []
    for score, present in zip(scores, ids, strict=True):
        wanted = target.gather(1, present)
        wanted = wanted / wanted.sum(dim=-1, keepdim=True)
        terms.append(F.kl_div(score.float().log_softmax(dim=-1), wanted, reduction="batchmean"))
    return torch.stack(terms).mean()


def elastic_loss(
    model: DynamicViT, batch: Batch, *, config: TrainConfig, dense: VisionTransformer, keep_ratio: float
) -> Outcome:
    """Return the losses of one network for every keep ratio: tokens really removed, scores supervised.

    Beside the supervised losses at `keep_ratio`, each predictor learns the dense network's importance of the
    tokens still present. Where no other teacher is named, the dense network's logits teach as well.
    """
    options, temperature = config.prune, config.distil.temperature
    target, answer = importance(dense, batch.x, batch.y if options.importance == "gradient" else None)
    if config.distil.weight and batch.soft is None:
        batch = replace(batch, soft=(answer.float() / temperature).softmax(dim=-1))
    selector, recorder = Noisy(model, options.score_noise), Recorder(attention=False)
    logits = model(batch.x, pruning=Pruning(selector, FixedRatio(keep_ratio)), recorder=recorder)
    prefix, loc = model.config.num_prefix_tokens, model.config.prune_loc
    everyone = torch.arange(model.config.num_patches, device=batch.x.device).expand(len(batch.x), -1)
    before = [everyone, *(recorder.token_ids[i][:, prefix:] - prefix for i in loc[:-1])]
    scores = score_loss(selector.clean, before, target)
    outcome = supervised_loss(logits, batch, config)
    outcome.losses["score"] = options.score_weight * scores
    return outcome
