"""What is told of an answer at another size than the network's own."""

from __future__ import annotations

from typing import Any

import pytest

from vitdemo.config import ViTConfig
from vitdemo.engine.core.sizes import tell_size
from vitdemo.rope import RopeConfig


@pytest.mark.parametrize(
    ("positions", "said"),
    [
        ({}, "its positions are resampled"),
        ({"rope": RopeConfig()}, "its positions are resampled"),
        (
            {"rope": RopeConfig(), "use_abs_pos_emb": False},
            "the angles of its rotary positions are computed for this size",
        ),
        ({"use_abs_pos_emb": False}, "it has no positions"),
    ],
)
def test_what_becomes_of_the_positions_is_told_as_it_is(positions: dict[str, Any], said: str) -> None:
    """What the twin does to them is in test_twin."""
    config = ViTConfig(img_size=(96, 64), **positions)
    assert tell_size(config, 32) == (
        "Read at 64 × 96 pixels, not at the 32 × 32 that the network was trained for: "
        f"{said}, and what was measured of it does not hold here."
    )
    assert tell_size(config, None) == ""
