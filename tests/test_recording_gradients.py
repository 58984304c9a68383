"""The gradients of a trace: what a logit really does when one attention weight changes, and no leaks."""

from __future__ import annotations

import inspect
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo.faithfulness import class_trace, map_orders
from vitdemo.models import VisionTransformer
from vitdemo.models.attention import Attention
from vitdemo.models.layers import Block
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.trace import Recorder, Trace

TARGET, STEP = 3, 1e-3


def make_pruned_net(**changes: Any) -> tuple[VisionTransformer, Tensor, Pruning]:
    """In float64, so that differences of logits are worth something."""
    net = make_small_dynamic(**changes).double()
    x = make_pictures(net.config, 1).double()
    return net, x, Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.6))


@torch.no_grad()
def compute_logit(net: VisionTransformer, x: Tensor, pruning: Pruning, layer: int, bump: Tensor) -> float:
    """Return the target's logit with `bump` added to the attention of one layer."""
    attention = net.blocks[layer].attn
    assert isinstance(attention, Attention)
    attention.matrix = lambda *parts: Attention.matrix(attention, *parts) + bump  # type: ignore
    try:
        return float(net(x, pruning=pruning, recorder=Recorder(grads=True))[0, TARGET])
    finally:
        del attention.matrix


@pytest.mark.parametrize("name", VARIANTS)
def test_a_gradient_is_what_the_logit_does_when_one_weight_changes(name: str) -> None:
    net, x, pruning = make_pruned_net(**VARIANTS[name])
    trace = record(net, x, pruning=pruning, target=TARGET, grads=True)
    assert trace.target == TARGET
    assert trace.attn_grad is not None
    for layer, gradient in enumerate(trace.attn_grad):
        largest = int(gradient.abs().argmax())
        for flat in (largest, *torch.randint(gradient.numel(), (2,)).tolist()):
            bump = torch.zeros(gradient.numel(), dtype=torch.float64)
            bump[flat] = STEP
            moved = [
                compute_logit(net, x, pruning, layer, sign * bump.view(gradient.shape)) for sign in (1, -1)
            ]
            slope = (moved[0] - moved[1]) / (2 * STEP)
            assert slope == pytest.approx(float(gradient.flatten()[flat]), rel=2e-3, abs=2e-4)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_tokens_are_the_last_blocks_input_and_its_gradient(name: str) -> None:
    net, x, pruning = make_pruned_net(**VARIANTS[name])
    seen: list[Tensor] = []
    block = net.blocks[-1]
    assert isinstance(block, Block)
    block.norm1.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    trace = record(net, x, pruning=pruning, target=TARGET, grads=True)
    entered = seen[0].detach().requires_grad_()
    ids = trace.token_ids[-1][None]
    net.classify(net.blocks[-1](entered, angles=net.angles(ids), ids=ids))[0, TARGET].backward()
    assert trace.tokens is not None
    assert trace.token_grad is not None
    assert entered.grad is not None
    torch.testing.assert_close(trace.tokens, entered[0].detach().float())
    torch.testing.assert_close(trace.token_grad, entered.grad[0].float(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", VARIANTS)
def test_one_class_rather_than_another_is_the_difference_of_both(name: str) -> None:
    """Exchanged, every gradient changes its sign, and so does a map that keeps it."""
    net, x, pruning = make_pruned_net(**VARIANTS[name])
    targets = (3, 1, (3, 1), (1, 3))
    traces = [record(net, x, pruning=pruning, target=target, grads=True) for target in targets]
    assert [(trace.target, trace.against) for trace in traces] == [(3, None), (1, None), (3, 1), (1, 3)]
    for one, other, both, exchanged in zip(*map(list_gradients, traces), strict=True):
        torch.testing.assert_close(both, one - other, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(exchanged, -both, atol=1e-6, rtol=1e-5)
    last, early = list_gradients(traces[2])[-2], traces[2].early_grad
    assert early is not None
    torch.testing.assert_close(early[-1], last.clamp(min=0).mean(1))


def list_gradients(trace: Trace) -> list[Tensor]:
    """Return the gradients with their signs: of each layer's attention, and of the tokens."""
    assert trace.attn_grad is not None
    assert trace.token_grad is not None
    return [*trace.attn_grad, trace.token_grad]


@pytest.mark.parametrize("name", VARIANTS)
def test_everything_else_is_as_without_gradients(name: str) -> None:
    net = make_small_dynamic(**VARIANTS[name])
    x = make_pictures(net.config, 1)
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.6))
    plain, graded = (record(net, x, pruning=pruning, grads=grads) for grads in (False, True))
    assert plain.logits is not None
    assert graded.logits is not None
    torch.testing.assert_close(graded.logits, plain.logits, atol=1e-5, rtol=1e-5)
    assert graded.target == int(plain.logits.argmax())  # the class with the highest logit, unless told
    for one, two in zip((*plain.attn, *plain.token_ids), (*graded.attn, *graded.token_ids), strict=True):
        torch.testing.assert_close(two, one, atol=1e-5, rtol=1e-4)
    assert plain.target is plain.attn_grad is plain.early_grad is plain.tokens is plain.token_grad is None


@pytest.mark.parametrize("trained", [False, True])
def test_nothing_of_the_graph_stays(trained: bool) -> None:
    """Neither in the trace nor in the network, whether or not its parameters take part in training."""
    net = make_small_dynamic().requires_grad_(trained)
    x = make_pictures(net.config, 1)
    kept: list[weakref.ref[Any]] = []

    class Saved:
        def __init__(self, values: Tensor) -> None:
            self.values = values

    def pack(values: Tensor) -> Saved:
        saved = Saved(values.detach())  # an output kept as it is would hold its own graph
        kept.append(weakref.ref(saved))
        return saved

    with torch.no_grad(), torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved.values):
        trace = record(net, x, target=TARGET, grads=True)  # also where the caller wants no gradients
        assert not torch.is_grad_enabled()
    assert len(kept) > 20
    assert all(reference() is None for reference in kept)
    assert trace.attn_grad is not None
    assert trace.early_grad is not None
    assert trace.tokens is not None
    for tensor in (*trace.attn, *trace.attn_grad, *trace.early_grad, trace.tokens, trace.readout):
        assert not tensor.requires_grad
        assert tensor.grad_fn is None
    assert {parameter.requires_grad for parameter in net.parameters()} == {trained}
    assert all(parameter.grad is None for parameter in net.parameters())
    assert not x.requires_grad


def test_threads_share_a_network() -> None:
    net = make_small(attention="linear")
    x = make_pictures(net.config, 1)

    def gradient(target: int) -> Tensor:
        trace: Trace = record(net, x, target=target, grads=True)
        assert trace.attn_grad is not None
        return trace.attn_grad[0]

    targets = [0, 1, 2, 3, 4] * 4
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(gradient, targets))
    for target, found in zip(targets, together, strict=True):
        assert torch.equal(found, gradient(target))


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({}, {"target": 5, "grads": True}, "target must be a class from 0 to 4, got 5"),
        ({}, {"target": -1, "grads": True}, "target must be a class from 0 to 4, got -1"),
        ({}, {"target": 1}, "ask for grads=True"),
        ({}, {"target": (1, 2)}, "ask for grads=True"),
        ({}, {"target": (1, 5), "grads": True}, "target must be a class from 0 to 4, got 5"),
        ({}, {"target": (1, 1), "grads": True}, "target must be two different classes, got 1 twice"),
        ({"num_classes": 0}, {"grads": True}, "this model has no head"),
    ],
)
def test_bad_targets_are_told(changes: dict[str, Any], options: dict[str, Any], words: str) -> None:
    net = make_small(**changes)
    with pytest.raises(ValueError, match=words):
        inspect.unwrap(record)(net, make_pictures(net.config, 1), **options)


@pytest.mark.parametrize("dynamic", [False, True])
def test_gradients_are_the_same_under_inference_mode(dynamic: bool) -> None:
    """The caller's mode is as before afterwards, and what was recorded can be computed with anywhere."""
    net = make_small_dynamic() if dynamic else make_small(attention="linear")
    x = make_pictures(net.config, 1)
    expected = class_trace(net, x, target=TARGET)
    with torch.inference_mode():
        trace, plain = record(net, x.clone(), target=TARGET, grads=True), record(net, x.clone())
        judged = class_trace(net, x.clone(), target=TARGET)
        maps = map_orders(net, x.clone(), judged, seed=0)
        assert torch.is_inference_mode_enabled()
    assert trace.attn_grad is not None
    assert expected.attn_grad is not None
    for found, wanted in zip(trace.attn_grad, expected.attn_grad, strict=True):
        assert torch.equal(found, wanted)
    for tensor in (*trace.attn, *trace.attn_grad, *plain.attn, *plain.token_ids, plain.readout):
        assert not tensor.is_inference()
    for key, order in map_orders(net, x, expected, seed=0).items():
        np.testing.assert_array_equal(maps[key], order)


def test_a_network_made_under_inference_mode_is_told() -> None:
    with torch.inference_mode():
        net = make_small()
        x = make_pictures(net.config, 1)
        assert record(net, x).logits is not None
    with pytest.raises(ValueError, match=r"grads=True needs .* outside torch\.inference_mode"):
        record(net, x, grads=True)
