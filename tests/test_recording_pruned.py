"""The pruned pass goes on from the dense one's tokens: the same to the bit, and no block runs twice."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import FixedRatio, Pruning, Threshold
from vitdemo.models.selectors import SELECTORS, make_selector
from vitdemo.recording import record, record_pruned
from vitdemo.trace import Trace


def is_same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    return torch.equal(one, other) if isinstance(one, Tensor) else one == other


def assert_same(one: Trace, other: Trace) -> None:
    for field in fields(Trace):
        assert is_same(getattr(one, field.name), getattr(other, field.name)), field.name


def make_pruned(net: VisionTransformer, pixels: Tensor, name: str, rule: Any) -> tuple[Trace, Trace]:
    """Return both traces, those of passes of their own being the same."""
    pruning = Pruning(make_selector(name, model=net, pixels=pixels), rule)
    dense, pruned = record_pruned(net, pixels, pruning, name="net")
    assert_same(dense, record(net, pixels, name="net"))
    assert_same(pruned, record(net, pixels, pruning=pruning, name="net"))
    return dense, pruned


@pytest.mark.parametrize("name", VARIANTS)
def test_both_traces_are_those_of_passes_of_their_own(name: str) -> None:
    net = make_small_dynamic(**VARIANTS[name])
    make_pruned(net, make_pictures(net.config, 1), "learned", FixedRatio(0.6))


@pytest.mark.parametrize("selector", [name for name in SELECTORS if name != "learned"])
@pytest.mark.parametrize("depth", [2, 4])  # the former prunes before its first block
def test_every_selector_finds_what_it_would(selector: str, depth: int) -> None:
    net = make_small(depth=depth)
    make_pruned(net, make_pictures(net.config, 1), selector, FixedRatio(0.5))


def test_a_threshold_too_and_the_first_layers_are_held_and_run_once() -> None:
    net = make_small_dynamic()
    runs = [0] * len(net.blocks)
    for index, block in enumerate(net.blocks):
        block.register_forward_pre_hook(lambda *_, index=index: runs.__setitem__(index, runs[index] + 1))
    pixels, first = make_pictures(net.config, 1), net.config.prune_loc[0]
    pruning = Pruning(make_selector("learned", model=net, pixels=pixels), Threshold(1.0))
    dense, pruned = record_pruned(net, pixels, pruning)
    assert first > 0
    assert runs == [1] * first + [2] * (len(runs) - first)
    shared = [one.data_ptr() == other.data_ptr() for one, other in zip(dense.attn, pruned.attn, strict=True)]
    assert shared == [index < first for index in range(len(runs))]


@pytest.mark.parametrize("layer", range(5))
@torch.no_grad()
def test_a_pass_that_was_begun_ends_as_any_other(layer: int) -> None:
    net = make_small()
    pixels = make_pictures(net.config, 1)
    begun = net.begin(pixels, layer=layer)
    assert torch.equal(net(begun), net(pixels))
    torch.testing.assert_close(net(begun.repeat(3)), net(pixels).expand(3, -1), atol=1e-5, rtol=1e-5)
