"""Where autocast is switched off."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch.amp.autocast_mode import is_autocast_available


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Compute in the precision of the operands, as a device without autocast ("meta") does anyway."""
    if is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()
