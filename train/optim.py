"""Optimisers, their parameter groups, and the schedule of the learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from train.muon import Muon
from train.options import OptimOptions


def build_optimizers(model: nn.Module, options: OptimOptions) -> list[Optimizer]:
    """Return the optimisers of a network.

    They are AdamW, Adam or SGD with Nesterov momentum; or Muon (Jordan et al. 2024) for the blocks' matrices
    with AdamW for the rest. Norms, biases, embeddings and tokens are not decayed. What `fresh` names learns
    at the full rate, the backbone at `backbone_lr_scale` of it. Raise ValueError where `frozen` names no
    parameter.
    """
    freeze(model, options.frozen)
    groups: dict[str, list[nn.Parameter]] = {"matrix": [], "decay": [], "plain": [], "fresh": []}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.startswith(options.fresh):
            groups["fresh"].append(parameter)
        elif parameter.ndim < 2 or name.endswith(("_token", "pos_embed")):
            groups["plain"].append(parameter)
        elif options.optimizer == "muon" and name.startswith("blocks.") and parameter.ndim == 2:
            groups["matrix"].append(parameter)
        else:
            groups["decay"].append(parameter)
    backbone = options.lr * options.backbone_lr_scale
    rest = [
        {"params": groups["decay"], "lr": backbone, "weight_decay": options.weight_decay},
        {"params": groups["plain"], "lr": backbone, "weight_decay": 0.0},
        {"params": groups["fresh"], "lr": options.lr, "weight_decay": options.weight_decay, "new": True},
    ]
    device = next(model.parameters()).device
    optimizers = [build_first([group for group in rest if group["params"]], options, device)]
    if groups["matrix"]:
        muon_lr = options.muon_lr * options.backbone_lr_scale
        optimizers.append(Muon(groups["matrix"], lr=muon_lr, weight_decay=options.weight_decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
            if device.type == "cuda":  # a CUDA graph reads the rate where it was when it was captured
                group["lr"] = torch.tensor(group["lr"], device=device)
    return optimizers


def freeze(model: nn.Module, names: Sequence[str]) -> None:
    """Take the parameters `names` out of training. Raise ValueError for a name that the model lacks."""
    parameters = dict(model.named_parameters())
    for name in names:
        if name not in parameters:
            raise ValueError(f"optim.frozen names {name!r}, which the model does not have")
        parameters[name].requires_grad_(False)


def build_first(groups: list[dict[str, Any]], options: OptimOptions, device: torch.device) -> Optimizer:
    """Return the optimiser of all that is not Muon's: a fused one, which can skip a step unasked."""
    if options.optimizer == "sgd":
        sgd = SGD(groups, momentum=options.momentum, nesterov=True, fused=True)
        for group in groups:
            for parameter in group["params"]:  # else a first step that is skipped leaves it undefined
                sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        return sgd
    kind = Adam if options.optimizer == "adam" else AdamW
    return kind(groups, betas=options.betas, fused=True, capturable=device.type == "cuda")


def lr_factor(done: float, options: OptimOptions) -> float:
    """Return the share of the peak rate after the share `done` of the steps: warm-up, then decay to 0."""
    if done < options.warmup:
        return done / options.warmup
    rest = (done - options.warmup) / (1 - options.warmup)
    return 1 - rest if options.schedule == "linear" else (1 + math.cos(math.pi * rest)) / 2


def set_lr(optimizers: list[Optimizer], done: float, options: OptimOptions) -> None:
    """Set the rates after the share `done` of the steps; a frozen backbone's is 0, as DynamicViT does it."""
    factor = lr_factor(done, options)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            resting = done <= options.freeze_backbone and "new" not in group
            rate = 0.0 if resting else group["peak_lr"] * factor
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
