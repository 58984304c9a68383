"""Optimisers, their parameter groups, the schedule and the moving average of the weights."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from train.config import TrainConfig


def build_optimizers(model: nn.Module, config: TrainConfig) -> list[Optimizer]:
    """AdamW, or Muon (Jordan et al. 2024) on the blocks' matrices with AdamW on the rest.

    Norms, biases, embeddings and tokens are not decayed. New token predictors learn at the full rate; the
    backbone at `backbone_lr_scale` of it.
    """
    groups: dict[str, list[nn.Parameter]] = {"matrix": [], "decay": [], "plain": [], "predictor": []}
    for name, parameter in model.named_parameters():
        if name.startswith("score_predictor"):
            groups["predictor"].append(parameter)
        elif parameter.ndim < 2 or name.endswith(("_token", "pos_embed")):
            groups["plain"].append(parameter)
        elif config.optimizer == "muon" and name.startswith("blocks.") and parameter.ndim == 2:
            groups["matrix"].append(parameter)
        else:
            groups["decay"].append(parameter)
    backbone = config.lr * config.backbone_lr_scale
    adamw = [
        {"params": groups["decay"], "lr": backbone, "weight_decay": config.weight_decay},
        {"params": groups["plain"], "lr": backbone, "weight_decay": 0.0},
        {"params": groups["predictor"], "lr": config.lr, "weight_decay": config.weight_decay},
    ]
    fused = next(model.parameters()).is_cuda
    optimizers: list[Optimizer] = [
        AdamW([group for group in adamw if group["params"]], betas=config.betas, fused=fused)
    ]
    if groups["matrix"]:
        muon_lr = config.muon_lr * config.backbone_lr_scale
        optimizers.append(
            Muon(
                groups["matrix"],
                lr=muon_lr,
                weight_decay=config.weight_decay,
                adjust_lr_fn="match_rms_adamw",
            )
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


def lr_factor(done: float, config: TrainConfig) -> float:
    """The share of the peak rate after the share `done` of the steps: linear warm-up, then decay to 0."""
    if done < config.warmup:
        return done / config.warmup
    rest = (done - config.warmup) / (1 - config.warmup)
    return 1 - rest if config.schedule == "linear" else (1 + math.cos(math.pi * rest)) / 2


def set_lr(optimizers: list[Optimizer], factor: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor


def ema_of(model: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of the weights."""
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
