"""How much memory a process takes."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

WINDOW = 30  # seconds at the begin and at the end of a load, at most a third of it


def resident(process: int) -> float:
    """Megabytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@dataclass
class Watch:
    """The megabytes of a process, each second of a load."""

    process: int
    seen: list[float] = field(default_factory=list)

    async def look(self, seconds: float) -> None:
        """For so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.seen.append(resident(self.process))
            await asyncio.sleep(1.0)

    @property
    def window(self) -> int:
        """How many of `seen` are its begin, and how many its end."""
        return max(1, min(WINDOW, len(self.seen) // 3))

    @property
    def base(self) -> float:
        return statistics.median(self.seen[: self.window])

    @property
    def end(self) -> float:
        return statistics.median(self.seen[-self.window :])

    @property
    def highest(self) -> float:
        return max(self.seen)
