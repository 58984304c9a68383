"""Optimisers, their parameter groups, the schedule and the moving average of the weights."""

from __future__ import annotations

import math
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Muon, Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from train.config import TrainConfig


def build_optimizers(model: nn.Module, config: TrainConfig) -> list[Optimizer]:
    """AdamW, Adam or SGD with Nesterov momentum; or Muon (Jordan et al. 2024) on the blocks' matrices with
    AdamW on the rest.

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
    rest = [
        {"params": groups["decay"], "lr": backbone, "weight_decay": config.weight_decay},
        {"params": groups["plain"], "lr": backbone, "weight_decay": 0.0},
        {"params": groups["predictor"], "lr": config.lr, "weight_decay": config.weight_decay},
    ]
    fused = next(model.parameters()).is_cuda
    optimizers = [build_first([group for group in rest if group["params"]], config, fused=fused)]
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


def build_first(groups: list[dict[str, Any]], config: TrainConfig, *, fused: bool) -> Optimizer:
    """The optimiser of all that is not Muon's."""
    if config.optimizer == "sgd":
        return SGD(groups, momentum=config.momentum, nesterov=True, fused=fused)
    kind = Adam if config.optimizer == "adam" else AdamW
    return kind(groups, betas=config.betas, fused=fused)


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
    """An exponential moving average of the weights, and of the statistics of batch norms."""
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
