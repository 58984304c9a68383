"""Several processes train one network: `torchrun --nproc-per-node N -m train --recipe NAME`, a GPU each.

A batch has the same parts whoever computes them, so a ViT learns the same in any number of processes.
A ResNet's batch norms see one part at a time, and of several processes the first one's statistics count.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from train.batches import Batch
from train.losses import Losses

PATIENCE = timedelta(hours=1)  # how long one process waits for another, which may be asking a teacher


def device_of(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; of several processes each takes its own GPU."""
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
    return torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if kind == "cuda" else kind)


@dataclass(frozen=True)
class World:
    """This process among those that train together; rank 0 alone writes."""

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> World:
        return cls(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else cls()

    @property
    def writes(self) -> bool:
        return self.rank == 0

    def sum(self, values: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
        """The sum of all processes' `values`."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """Rank 0 runs the body while the others wait, so that they find the file it made."""
        if self.size > 1 and not self.writes:
            dist.barrier()
        yield
        if self.size > 1 and self.writes:
            dist.barrier()


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Within it the processes that torchrun started are one group: NCCL on GPUs, Gloo on CPUs.

    Raises ValueError for a GPU that is not there.
    """
    if device.type == "cuda":
        if (device.index or 0) >= torch.cuda.device_count():
            raise ValueError(f"device: there is no {device} here; GPUs: {torch.cuda.device_count()}")
        torch.cuda.set_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


class Objective(nn.Module):
    """Network and loss in one module: DistributedDataParallel averages the gradients of what its forward
    uses, and a loss may call any method of the network."""

    def __init__(self, network: nn.Module, loss: Callable[[Batch], Losses]) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, batch: Batch) -> Losses:
        return self.loss(batch)


def share(objective: Objective, world: World) -> nn.Module:
    """`objective` with its gradients averaged over `world`. A loss need not use every parameter."""
    if world.size == 1:
        return objective
    return DistributedDataParallel(objective, find_unused_parameters=True)


def unsynced(module: nn.Module, last: bool) -> AbstractContextManager[None]:
    """Gradients are averaged over the processes with the `last` part of a batch alone."""
    return nullcontext() if last or not isinstance(module, DistributedDataParallel) else module.no_sync()
