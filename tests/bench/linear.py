"""A block of linear attention against one of softmax attention, at more and more tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from tests.bench.race import OURS, Row, Setting, compare, race
from vitdemo.config import ViTConfig
from vitdemo.models.layers import Block

NAME = "linear attention"
SOFTMAX = "softmax attention, the same block"
WIDTH, HEADS = 192, 3
BARS = {197: 1.0, 785: 1 / 1.6, 3137: 1 / 4}  # of softmax's time, by tokens
TINY = (17, 65)


@torch.inference_mode()
def measure(setting: Setting) -> Iterator[Row]:
    """Measure a block of width 192 with three heads, one picture."""
    config = ViTConfig(embed_dim=WIDTH, num_heads=HEADS)
    softmax = Block(config, drop_path=0.0).eval()
    linear = Block(replace(config, attention="linear"), drop_path=0.0).eval()
    linear.load_state_dict(softmax.state_dict())
    for tokens in TINY if setting.tiny else BARS:
        x = torch.randn(1, tokens, WIDTH)
        times = race({OURS: partial(linear, x), SOFTMAX: partial(softmax, x)}, setting)
        yield from compare(NAME, f"{tokens:,} tokens", times, bars={SOFTMAX: BARS.get(tokens, 1.0)})
