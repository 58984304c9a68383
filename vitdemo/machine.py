"""What a number was measured on, in words."""

from __future__ import annotations

import platform
from pathlib import Path

import torch


def describe_hardware(device: torch.device, *, count: int = 1) -> str:
    """Return the `count` GPUs like `device`, or the processor and how many of its cores torch uses."""
    if device.type == "cuda":
        return f"{count} x {torch.cuda.get_device_name(device)}"
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if "model name" in line] if info.is_file() else []
    name = names[0].partition(":")[2].strip() if names else platform.processor() or platform.machine()
    cores = torch.get_num_threads()
    return f"{cores} core{'s' if cores > 1 else ''} of {name}, no GPU"
