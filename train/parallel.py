"""Several processes train one network: `torchrun --nproc-per-node N -m train --recipe NAME`, a GPU each.

A batch has the same parts whoever computes them, so a ViT learns the same in any number of processes.
A ResNet's batch norms see one part at a time, and of several processes the first one's statistics count.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from math import lcm

from torch import nn
from torch.nn.parallel import DistributedDataParallel

from train.config import TrainConfig
from vitdemo.processes import World


@dataclass(frozen=True)
class Division:
    """How a batch is cut into parts: each process learns from as many of them, one after the other."""

    world: World = field(default_factory=World)
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

    def own_parts(self, size: int) -> list[tuple[int, slice]]:
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
