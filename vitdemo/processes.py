"""Several processes that torchrun started share one piece of work: training, or a folder of pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor

PATIENCE = timedelta(hours=1)  # how long one process waits for another, which may be asking a teacher


def take_device(name: str) -> torch.device:
    """Return the device: `auto` is CUDA where there is one, else the CPU; each process takes its own GPU."""
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name
    return torch.device(f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if kind == "cuda" else kind)


@dataclass(frozen=True)
class World:
    """This process among those that work together; rank 0 alone writes what all have made."""

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

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()

    @contextmanager
    def let_one_go_first(self) -> Iterator[None]:
        """Let rank 0 run the body while the others wait, so that they find the file it made."""
        if not self.writes:
            self.wait()
        yield
        if self.writes:
            self.wait()


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
