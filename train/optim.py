"""Optimisers, their parameter groups, the schedule and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Muon, Optimizer

from train.config import TrainConfig


def build_optimizers(model: nn.Module, config: TrainConfig) -> list[Optimizer]:
    """AdamW, Adam or SGD with Nesterov momentum; or Muon (Jordan et al. 2024) on the blocks' matrices with
    AdamW on the rest.

    Norms, biases, embeddings and tokens are not decayed. New token predictors learn at the full rate; the
    backbone at `backbone_lr_scale` of it. Raises ValueError where `frozen` names no parameter.
    """
    freeze(model, config.frozen)
    groups: dict[str, list[nn.Parameter]] = {"matrix": [], "decay": [], "plain": [], "predictor": []}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
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
        {"params": groups["predictor"], "lr": config.lr, "weight_decay": config.weight_decay, "new": True},
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


def freeze(model: nn.Module, names: Sequence[str]) -> None:
    """Takes the parameters `names` out of training. Raises ValueError for a name that the model lacks."""
    parameters = dict(model.named_parameters())
    for name in names:
        if name not in parameters:
            raise ValueError(f"frozen names {name!r}, which the model does not have")
        parameters[name].requires_grad_(False)


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


def set_lr(optimizers: list[Optimizer], done: float, config: TrainConfig) -> None:
    """The rates after the share `done` of the steps; a frozen backbone's is 0, as in DynamicViT's code."""
    factor = lr_factor(done, config)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            resting = done <= config.freeze_backbone and "new" not in group
            group["lr"] = 0.0 if resting else group["peak_lr"] * factor


class Average(nn.Module):
    """An exponential moving average of the weights, and of the statistics of batch norms, from the start on.

    torch's `AveragedModel` waits for the device at every update, to read its counter.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.module, self.decay = deepcopy(model), decay

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        torch._foreach_lerp_(real_tensors(self.module), real_tensors(model), 1 - self.decay)


def real_tensors(model: nn.Module) -> list[Tensor]:
    """Parameters and buffers but for counters."""
    found = [*model.parameters(), *model.buffers()]
    return [tensor for tensor in found if tensor.is_floating_point()]


@torch.no_grad()
def step_where(
    finite: Bool[Tensor, ""], optimizers: list[Optimizer], *, model: nn.Module, ema: Average
) -> None:
    """One step of the optimisers and of the moving average where `finite`, else none of it."""
    if finite.device.type == "cpu":
        if finite:
            step_all(optimizers, model=model, ema=ema)
    else:
        step_on_device(finite, optimizers, model=model, ema=ema)


def step_all(optimizers: list[Optimizer], *, model: nn.Module, ema: Average) -> None:
    for optimizer in optimizers:
        optimizer.step()
    ema.update(model)


@torch.no_grad()
def step_on_device(
    finite: Bool[Tensor, ""], optimizers: list[Optimizer], *, model: nn.Module, ema: Average
) -> None:
    """`step_where` for a device that nobody waits for: a step with sound gradients, then undone."""
    grads = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    flat = torch.cat([grad.reshape(-1) for grad in grads]).masked_fill(~finite, 0)
    pieces = flat.split([grad.numel() for grad in grads])
    torch._foreach_copy_(grads, [piece.view(grad.shape) for piece, grad in zip(pieces, grads, strict=True)])
    changing = [*model.parameters(), *real_tensors(ema.module), *state_tensors(optimizers)]
    before = [value.clone() for value in changing]
    step_all(optimizers, model=model, ema=ema)
    known = {id(value) for value in changing}
    fresh = [value for value in state_tensors(optimizers) if id(value) not in known]  # begins at 0
    taken = finite.float()
    torch._foreach_mul_([*changing, *fresh], taken)
    torch._foreach_mul_(before, 1 - taken)
    torch._foreach_add_(changing, before)


def state_tensors(optimizers: list[Optimizer]) -> list[Tensor]:
    """All that the optimisers remember."""
    states = [value for o in optimizers for state in o.state.values() for value in state.values()]
    return [value for value in states if isinstance(value, Tensor)]
