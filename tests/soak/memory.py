"""How much memory a process takes."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vitdemo.serving.memory import PERIOD

WINDOW = round(2 * PERIOD)  # seconds: two times of giving back, between which the memory rises by a quarter


def read_resident(process: int) -> float:
    """Return the megabytes that a process holds."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def slide(seen: Sequence[float], *, window: int = WINDOW) -> list[float]:
    """Return the mean of each `window` values that follow one another; of all where there are fewer."""
    return [statistics.mean(seen[first : first + window]) for first in range(max(1, len(seen) - window + 1))]


@dataclass
class Watch:
    """The megabytes of a process, each second of a load.

    Their means over `WINDOW` seconds are those of the first ones, of the highest and of the last.
    """

    process: int
    seen: list[float] = field(default_factory=list)

    async def look(self, seconds: float) -> None:
        """For so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.seen.append(read_resident(self.process))
            await asyncio.sleep(1.0)

    @property
    def base(self) -> float:
        return slide(self.seen)[0]

    @property
    def highest(self) -> float:
        return max(slide(self.seen))

    @property
    def end(self) -> float:
        return slide(self.seen)[-1]
