"""Pure losses: each takes a batch and returns the terms to be added up."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from train.config import TrainConfig
from vitdemo.models import DynamicViT, VisionTransformer
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning, Stage, random_subset
from vitdemo.models.selectors import Learned
from vitdemo.trace import Recorder

Pixels = Float[Tensor, "b ch hh ww"]
Targets = Float[Tensor, "b c"]
Losses = dict[str, Tensor]


def distillation(student: Float[Tensor, "b c"], teacher: Float[Tensor, "b c"], temperature: float) -> Tensor:
    """KL(teacher || student) at a temperature, scaled by its square (Hinton et al. 2015, sec. 2)."""
    student, teacher = (F.log_softmax(z.float() / temperature, dim=-1) for z in (student, teacher))
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2


def classify(
    model: VisionTransformer,
    x: Pixels,
    y: Targets,
    *,
    config: TrainConfig,
    teacher: VisionTransformer | None,
    token_keep: float = 1.0,
) -> Losses:
    """Cross-entropy on a random share of the patches, and distillation from a teacher if there is one."""
    pruning = None
    if token_keep < 1:
        count = max(1, round(model.config.num_patches * token_keep))
        ids = random_subset(len(x), model.config.num_patches, count, device=x.device)
        pruning = Pruning(None, Explicit((ids,)))
    logits = model(x, pruning=pruning)
    losses = {"cross_entropy": F.cross_entropy(logits.float(), y, label_smoothing=config.label_smoothing)}
    if teacher is not None:
        with torch.no_grad():
            target = teacher(x)
        losses["distill"] = config.distill * distillation(logits, target, config.temperature)
    return losses


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


def importance(teacher: VisionTransformer, x: Pixels) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b c"]]:
    """What the dense teacher's tokens look at, as a distribution over patches, and its logits.

    The mean over heads, query tokens and the later half of the layers of the attention each patch gets;
    the class token counts as much as all patches together.
    """
    recorder = Recorder()
    with torch.no_grad():
        logits = teacher(x, recorder=recorder)
        prefix = teacher.config.num_prefix_tokens
        later = torch.stack(recorder.attn[len(recorder.attn) // 2 :]).float().mean(dim=(0, 2))
        received = later[:, prefix:, prefix:].mean(dim=1)
        if prefix:
            received = received + later[:, 0, prefix:]
        return received / received.sum(dim=-1, keepdim=True), logits


def score_loss(
    scores: list[Float[Tensor, "b _"]], ids: list[Int[Tensor, "b _"]], target: Float[Tensor, "b n"]
) -> Tensor:
    """Mean over stages of KL(target || softmax(scores)), over the patches still present at each stage."""
    terms = []
    for score, present in zip(scores, ids, strict=True):
        wanted = target.gather(1, present)
        wanted = wanted / wanted.sum(dim=-1, keepdim=True)
        terms.append(F.kl_div(score.float().log_softmax(dim=-1), wanted, reduction="batchmean"))
    return torch.stack(terms).mean()


def elastic(
    model: DynamicViT, x: Pixels, y: Targets, *, config: TrainConfig, teacher: VisionTransformer
) -> Losses:
    """One network for every keep ratio: a random ratio a step, tokens really removed, scores supervised.

    Cross-entropy + distillation at the drawn ratio, and each predictor learns the dense teacher's importance
    of the tokens still present.
    """
    target, teacher_logits = importance(teacher, x)
    low, high = config.keep_ratio_range
    drawn = torch.rand(2).tolist()
    ratio = 1.0 if drawn[0] < config.dense_share else low + (high - low) * drawn[1]
    selector, recorder = Noisy(model, config.score_noise), Recorder(attention=False)
    logits = model(x, pruning=Pruning(selector, FixedRatio(ratio)), recorder=recorder)
    prefix, loc = model.config.num_prefix_tokens, model.config.prune_loc
    before = [recorder.token_ids[i - 1][:, prefix:] - prefix for i in loc]
    return {
        "cross_entropy": F.cross_entropy(logits.float(), y, label_smoothing=config.label_smoothing),
        "distill": config.distill * distillation(logits, teacher_logits, config.temperature),
        "score": config.score_weight * score_loss(selector.clean, before, target),
    }
