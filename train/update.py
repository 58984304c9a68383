"""What gradients do to a network: clipped, they move the weights, which the moving average follows."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from train.optim import build_optimizers, set_lr
from train.options import OptimOptions


class Average(nn.Module):
    """An exponential moving average of the weights, and of the statistics of batch norms, from the start on.

    After t updates its decay is min(decay, (1 + t) / (10 + t)), as in TensorFlow's, so that a short run
    forgets its random beginning. The count lies on the device, where a CUDA graph finds it anew;
    torch's `AveragedModel` waits for the device at every update, to read its counter.
    """

    updates: Int[Tensor, ""]

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.module, self.decay = deepcopy(model), decay
        device = next(model.parameters()).device
        self.register_buffer("updates", torch.zeros((), dtype=torch.long, device=device))

    @torch.no_grad()
    def update(self, model: nn.Module, finite: Bool[Tensor, ""]) -> None:
        """Take one step towards `model`, or none where the step of the optimisers was not `finite`."""
        mine = real_tensors(self.module)
        way = torch._foreach_sub(real_tensors(model), mine)
        decay = ((1 + self.updates) / (10 + self.updates)).clamp(max=self.decay)
        torch._foreach_mul_(way, finite * (1 - decay))
        torch._foreach_add_(mine, way)
        self.updates += finite


def real_tensors(model: nn.Module) -> list[Tensor]:
    """Return parameters and buffers but for counters."""
    found = [*model.parameters(), *model.buffers()]
    return [tensor for tensor in found if tensor.is_floating_point()]


class Update:
    """The optimisers of a network, its moving average and, where it learns in fp16, the scale of its loss.

    Nothing here waits for the device: a step whose gradients are not finite is taken and has no effect.
    """

    def __init__(self, model: nn.Module, options: OptimOptions, *, scaled: bool = False) -> None:
        self.model, self.options = model, options
        self.optimizers = build_optimizers(model, options)
        self.ema = Average(model, options.ema)
        device = next(model.parameters()).device
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)

    def set_rates(self, done: float) -> None:
        """Set the learning rates to those after the share `done` of the steps."""
        set_lr(self.optimizers, done, self.options)

    def step(self, statistics: Sequence[Tensor]) -> Bool[Tensor, ""]:
        """Use up the gradients, and return whether they were finite.

        Where they were not, the buffers of the model become `statistics`, as they were before the batch.
        """
        for optimizer in self.optimizers:
            self.scaler.unscale_(optimizer)
        finite = nn.utils.clip_grad_norm_(self.model.parameters(), self.options.clip).isfinite()
        for buffer, value in zip(self.model.buffers(), statistics, strict=True):  # of batch norms
            buffer.copy_(torch.where(finite, buffer, value))
        self.step_where(finite)
        self.scaler.update()
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        return finite

    @torch.no_grad()
    def step_where(self, finite: Bool[Tensor, ""]) -> None:
        """Move weights and average where `finite`; the optimisers are told as GradScaler tells fused ones."""
        for optimizer in self.optimizers:
            setattr(optimizer, "grad_scale", None)  # noqa: B010
            setattr(optimizer, "found_inf", (~finite).float())  # noqa: B010
            optimizer.step()
        self.ema.update(self.model, finite)
