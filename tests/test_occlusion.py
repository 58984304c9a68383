"""Occlusion: against tokens taken out one square at a time, through pruning; and by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.models.nets import VARIANTS, make_pictures, make_small_dynamic
from vitdemo import occlusion
from vitdemo.maps import explain
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.occlusion import add_occlusion, list_squares
from vitdemo.recording import record

TARGET = 3


def test_squares_of_a_grid() -> None:
    assert [one.tolist() for one in list_squares((2, 3), 1)] == [[0], [1], [2], [3], [4], [5]]
    assert [one.tolist() for one in list_squares((2, 3), 2)] == [[0, 1, 3, 4], [1, 2, 4, 5]]


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "block"), [*((name, 1) for name in VARIANTS), ("square", 2), ("focused, local", 2)]
)
def test_it_is_the_fall_of_the_score_without_each_patch(
    name: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One square at a time, from its rows and columns; a few rows a batch."""
    monkeypatch.setattr(occlusion, "TOKENS", 40)
    net = make_small_dynamic(**VARIANTS[name])
    x = make_pictures(net.config, 1)
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.6))
    trace = record(net, x, pruning=pruning, target=(TARGET, 1), grads=True)
    assert trace.logits is not None
    whole = float(trace.logits[TARGET] - trace.logits[1])
    rows, columns = trace.grid
    falls: list[list[float]] = [[] for _ in range(rows * columns)]
    for top in range(rows - block + 1):
        for left in range(columns - block + 1):
            square = {(top + i) * columns + left + j for i in range(block) for j in range(block)}
            stays: list[Any] = [
                torch.tensor([patch for patch in trace.patch_ids(layer).tolist() if patch not in square])
                for layer in (0, *net.config.prune_loc)
            ]
            logits = net(x, pruning=Pruning(None, Explicit(tuple(stays))))[0]
            for patch in square:
                falls[patch].append(whole - float(logits[TARGET] - logits[1]))
    found = explain(add_occlusion(trace, net, x, block=block), "occlusion")
    np.testing.assert_allclose(found.ravel(), [np.mean(one) for one in falls], atol=1e-5)
    assert np.ptp(found) > 0


def test_what_cannot_be_removed_is_told() -> None:
    net = make_small_dynamic()
    x = make_pictures(net.config, 1)
    trace = record(net, x, target=TARGET, grads=True)
    with pytest.raises(ValueError, match=r"block must be from 1 to 4, got 5"):
        add_occlusion(trace, net, x, block=5)
    with pytest.raises(ValueError, match=r"add it by vitdemo\.occlusion\.add_occlusion"):
        explain(trace, "occlusion")
