"""Several processes train one network: `torchrun --nproc-per-node N -m train --recipe NAME`, a GPU each.

A batch has the same parts whoever computes them, so a ViT learns the same in any number of processes.
A ResNet's batch norms see one part at a time, and of several processes the first one's statistics count.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from math import lcm

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from train.config import TrainConfig

PATIENCE = timedelta(hours=1)  # how long one process waits for another, which may be asking a teacher


def device_of(name: str) -> torch.device:
    """Return the device: `auto` is CUDA where there is one, else the CPU; each process takes its own GPU."""
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
        """Return the sum of all processes' `values`."""
        if self.size > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    @contextmanager
    def let_one_go_first(self) -> Iterator[None]:
        """Let rank 0 run the body while the others wait, so that they find the file it made."""
        if self.size > 1 and not self.writes:
            dist.barrier()
        yield
        if self.size > 1 and self.writes:
            dist.barrier()


@contextmanager
def join_processes(device: torch.device) -> Iterator[None]:
    """Join the processes that torchrun started, while the context lasts: by NCCL on GPUs, Gloo on CPUs.

    Raise ValueError for a GPU that is not there.
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


@dataclass(frozen=True)
class Division:
    """How a batch is cut into parts: each process learns from as many of them, one after the other."""

    world: World = World()
    parts: int = 1

    @classmethod
    def of(cls, config: TrainConfig, world: World) -> Division:
        """Return the division of a recipe: `accumulate` parts, and as many for each process.

        Raise ValueError where its batch cannot be cut so.
        """
        parts = lcm(config.accumulate, world.size)
        if config.batch_size % parts:
            raise ValueError(f"batch_size={config.batch_size} cannot be cut into {parts} parts of one size")
        return cls(world, parts)

    @property
    def each(self) -> int:
        """The parts of one process."""
        return self.parts // self.world.size

    def own(self, size: int) -> list[tuple[int, slice]]:
        """Return this process's parts of a batch of `size` pictures: their numbers and their places."""
        length, first = size // self.parts, self.world.rank * self.each
        numbers = range(first, first + self.each)
        return [(number, slice(number * length, (number + 1) * length)) for number in numbers]


def distribute(objective: nn.Module, world: World) -> nn.Module:
    """Return `objective` with its gradients averaged over `world`. A loss need not use every parameter."""
    if world.size == 1:
        return objective
    return DistributedDataParallel(objective, find_unused_parameters=True)


def sync_gradients(module: nn.Module, last: bool) -> AbstractContextManager[None]:
    """Return a context in which only the `last` part of a batch averages gradients over the processes."""
    return nullcontext() if last or not isinstance(module, DistributedDataParallel) else module.no_sync()
