"""A forward pass of the same network, against the libraries'."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from tests.bench.networks import PEERS, VIT_PYTORCH, list_shapes, make_networks
from tests.bench.race import OURS, Row, Setting, compare, miss, race
from tests.models.nets import make_pictures

NAME = "forward"
BATCHES = (1, 8)
BAR = 1.0


@torch.inference_mode()
def measure(setting: Setting) -> Iterator[Row]:
    """Measure each shape at batch 1 and 8; all but vit-pytorch's have the same weights and must agree."""
    for name, config in list_shapes(setting).items():
        networks = make_networks(config)
        for batch in BATCHES:
            pixels = make_pictures(config, batch)
            check_same(networks, pixels)
            times = race({who: partial(net, pixels) for who, net in networks.items()}, setting)
            case = f"{name}, batch {batch}"
            yield from compare(NAME, case, times, bars=dict.fromkeys(PEERS, BAR))
            yield from miss(NAME, case, times, PEERS)


def check_same(networks: dict[str, nn.Module], pixels: Tensor) -> None:
    """Raise AssertionError where one computes something else: its time would say nothing."""
    wanted = networks[OURS](pixels)
    for who, network in networks.items():
        if who != VIT_PYTORCH:
            torch.testing.assert_close(read_logits(network(pixels)), wanted, atol=1e-3, rtol=1e-3)


def read_logits(out: Any) -> Tensor:
    return out if isinstance(out, Tensor) else out.logits
