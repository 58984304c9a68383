"""How many processor cores the app really has: a container is often given fewer than its machine has."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

GROUP = Path("/sys/fs/cgroup")
THREADS = "OMP_NUM_THREADS"  # of torch


def share_cores(group: Path = GROUP) -> None:
    """Have torch begin no more threads than the container has cores; to be called before torch is loaded.

    It looks at the machine alone, and threads that take turns on a core wait for one another most of the
    time. A number that the environment gives stays.
    """
    cores = read_quota(group)
    if cores is not None and math.ceil(cores) < count_cores():
        os.environ.setdefault(THREADS, str(math.ceil(cores)))


def count_cores() -> int:
    """Return on how many cores the system lets this process run."""
    with suppress(AttributeError):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_quota(group: Path) -> float | None:
    """Return how many cores' time a control group of Linux may take, None for all; version 2 or 1."""
    with suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota, period = (
            int((group / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period")
        )
        return quota / period if quota > 0 else None
    return None
