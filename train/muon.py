"""Muon (Jordan et al. 2024): momentum whose matrices are made orthogonal before they change the weights."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic Newton-Schulz iteration, Jordan's
STEPS = 5
EPSILON = 1e-7


class Muon(Optimizer):
    """Nesterov momentum, made orthogonal, with an update as large as AdamW's (Liu et al. 2025, eq. 4).

    What `torch.optim.Muon` does with `adjust_lr_fn="match_rms_adamw"`, but for all matrices of one shape at
    once, with a rate that may be a tensor, and without waiting for the device: where `found_inf` is 1, as in
    torch's fused optimisers, nothing changes. Raise ValueError for a parameter that is not a matrix.
    """

    found_inf: Tensor | None = None

    def __init__(
        self, params: Iterable[nn.Parameter], *, lr: float, weight_decay: float, momentum: float = 0.95
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim != 2:
                    raise ValueError(
                        f"Muon takes matrices, got a parameter of shape {tuple(parameter.shape)}"
                    )

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take one step of all parameters that have gradients."""
        assert closure is None, "gradients are computed before the step"
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes[parameter.shape].append(parameter)
            for alike in shapes.values():
                self.step_alike(alike, group)

    def step_alike(self, parameters: list[nn.Parameter], group: dict[str, Any]) -> None:
        """Take one step of parameters of one shape."""
        for parameter in parameters:
            if "momentum_buffer" not in self.state[parameter]:
                self.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        buffers = [self.state[parameter]["momentum_buffer"] for parameter in parameters]
        gradients = torch.stack([parameter.grad for parameter in parameters if parameter.grad is not None])
        taken = gradients.new_ones(()) if self.found_inf is None else 1 - self.found_inf
        gradients = torch.where(taken > 0, gradients, 0.0)
        averages = torch.stack(buffers).lerp(gradients, taken * (1 - group["momentum"]))
        update = orthogonalise(gradients.lerp(averages, group["momentum"]))
        rate = taken * group["lr"]
        change = rate * (0.2 * math.sqrt(max(gradients.shape[1:])))
        weights = torch.stack(list(parameters)) * (1 - rate * group["weight_decay"]) - change * update
        torch._foreach_copy_(buffers, averages.unbind())
        torch._foreach_copy_(list(parameters), weights.unbind())


def orthogonalise(x: Float[Tensor, "b n m"]) -> Float[Tensor, "b n m"]:
    """Return roughly U V^T of each matrix U S V^T.

    Five Newton-Schulz steps leave singular values of 0.7 to 1.2.
    In bf16 on a GPU, in fp32 on a CPU, of which many have no fast bf16.
    """
    tall = x.shape[1] > x.shape[2]
    y = (x.mT if tall else x).to(torch.bfloat16 if x.is_cuda else torch.float32)
    y = y / y.norm(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        gram = y @ y.mT
        gram = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        y = torch.baddbmm(y, gram, y, beta=a)
    return (y.mT if tall else y).to(x.dtype)
