"""LeGrad: by hand, on timm's own network in plain autograd, and against differences of early logits."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch
from timm.models.vision_transformer import VisionTransformer as TimmViT
from torch import Tensor

from tests.maps.traces import make_trace
from tests.models.nets import SMALL, VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo.config import ViTConfig
from vitdemo.maps import explain
from vitdemo.models import VisionTransformer, build_model
from vitdemo.models.attention import Attention
from vitdemo.models.layers import Block
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.trace import Recorder

TARGET, STEP = 3, 1e-3


def test_layers_of_a_trace_are_averaged_where_the_patches_were() -> None:
    trace = make_trace(prefix=2, cuts={1: 8, 3: 3}, graded=True)
    assert trace.early_grad is not None
    expected = np.zeros(12)
    for layer, gradient in enumerate(trace.early_grad):
        for place, patch in enumerate(trace.patch_ids(layer).tolist()):
            expected[patch] += sum(float(head[2 + place]) for head in gradient) / 3 / 4
    np.testing.assert_allclose(explain(trace, "legrad").ravel(), expected, rtol=1e-5)


@torch.no_grad()
def make_written_network() -> VisionTransformer:
    """Two layers that add the mean of all normalised tokens to each; the head reads the class token."""
    config = ViTConfig(
        img_size=(1, 2),
        patch_size=1,
        in_chans=2,
        num_classes=2,
        embed_dim=2,
        depth=2,
        num_heads=1,
        norm_layer="rmsnorm",
        final_norm=False,
        norm_eps=1e-12,
    )
    net = build_model(config).eval()
    for parameter in net.parameters():
        parameter.zero_()
    eye = torch.eye(2)
    net.patch_embed.proj.weight.data = eye[:, :, None, None]
    net.head.weight.data = torch.tensor([[1.0, 2.0], [1.0, 0.0]])
    for block in net.blocks:
        assert isinstance(block, Block)
        block.norm1.weight.data = torch.ones(2)
        block.attn.qkv.weight[4:] = eye
        block.attn.proj.weight.data = eye
    return net


def test_two_layers_by_hand() -> None:
    net = make_written_network()
    x = torch.tensor([[[[2.0, 1.0]], [[2.0, -1.0]]]])  # patch a = (2, 2), patch b = (1, -1), class token 0
    # Normalised a = (1, 1), b = (1, -1), and all weights are 1/3. With w of a class the logit is w . class,
    # so d logit / d A[class, j] = w . j normalised, and the two other rows have none: a third of it.
    #   w = (1, 2): a 3, b -1;   w = (1, 0): a 1, b 1.
    # Layer 2 gets a + (2/3, 0) = (8/3, 2), normalised sqrt(2) (4/5, 3/5), and b + (2/3, 0) = (5/3, -1),
    # normalised (5, -3) / sqrt(17).
    #   w = (1, 2): a 2 sqrt(2), b -1 / sqrt(17);   w = (1, 0): a 4/5 sqrt(2), b 5 / sqrt(17).
    expected = [[(3 + 2 * sqrt(2)) / 6, 0], [(1 + 0.8 * sqrt(2)) / 6, (1 + 5 / sqrt(17)) / 6]]
    for target, heat in enumerate(expected):
        trace = record(net, x, target=target, grads=True)
        np.testing.assert_allclose(explain(trace, "legrad"), [heat], rtol=1e-5)


def map_in_timm(theirs: TimmViT, x: Tensor, *, target: int) -> Tensor:
    """Return LeGrad of all tokens as it is written, from timm's own layers, attention and head."""
    attention: list[Tensor] = []
    layers: list[Tensor] = []
    for block in theirs.blocks:
        block.attn.fused_attn = False  # type: ignore[union-attr]
        block.attn.attn_drop.register_forward_pre_hook(lambda _, inputs: attention.append(inputs[0]))  # type: ignore
        block.register_forward_hook(lambda module, inputs, output: layers.append(output))  # type: ignore
    theirs(x)
    maps = []
    for weights, tokens in zip(attention, layers, strict=True):
        score = theirs.forward_head(theirs.norm(tokens))[0, target]
        (gradient,) = torch.autograd.grad(score, weights, retain_graph=True)
        maps.append(gradient[0].relu().mean(0).mean(0))
    return torch.stack(maps).mean(0)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"global_pool": "avg"},
        {"global_pool": "avg", "class_token": False},
        {"reg_tokens": 3, "no_embed_class": True, "init_values": 0.1},
        {"global_pool": "map", "class_token": False},
        {"img_size": (12, 28), "qk_norm": True, "final_norm": False},
    ],
)
def test_it_is_the_map_of_timms_own_network(changes: dict[str, Any]) -> None:
    ours = make_small(**changes)
    names = ("img_size", "patch_size", "embed_dim", "depth", "num_heads", "num_classes", "mlp_ratio")
    theirs = TimmViT(**{**{name: getattr(SMALL, name) for name in names}, **changes}).eval()
    theirs.load_state_dict(ours.state_dict())
    x = make_pictures(ours.config, 1)
    expected = map_in_timm(theirs, x, target=TARGET)[ours.config.num_prefix_tokens :]
    heat = explain(record(ours, x, target=TARGET, grads=True), "legrad")
    assert expected.std() > 0
    np.testing.assert_allclose(heat.ravel(), expected.detach(), rtol=1e-4, atol=1e-7)


@torch.no_grad()
def read_early(net: VisionTransformer, x: Tensor, pruning: Pruning, layer: int, bump: Tensor) -> float:
    """Return the logit read after `layer` with `bump` added to the attention of that layer."""
    attention, recorder = net.blocks[layer].attn, Recorder(grads=True)
    assert isinstance(attention, Attention)
    attention.matrix = lambda *parts: Attention.matrix(attention, *parts) + bump  # type: ignore
    try:
        net.encode(x, pruning=pruning, recorder=recorder)
    finally:
        del attention.matrix
    return float(net.classify(recorder.features[layer])[0, TARGET])


@pytest.mark.parametrize("name", VARIANTS)
def test_a_key_counts_by_what_the_early_logit_does_when_each_query_attends_more(name: str) -> None:
    """Through pruning, linear attention, registers and every pooling; in float64."""
    net, layer = make_small_dynamic(**VARIANTS[name]).double(), 1
    x = make_pictures(net.config, 1).double()
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.6))
    trace = record(net, x, pruning=pruning, target=TARGET, grads=True)
    assert trace.early_grad is not None
    found, attn = trace.early_grad[layer], trace.attn[layer]
    head, key = divmod(int(found.argmax()), found.shape[1])
    slopes = []
    for query in range(attn.shape[1]):
        bump = torch.zeros_like(attn, dtype=torch.float64)
        bump[head, query, key] = STEP
        above, below = (read_early(net, x, pruning, layer, sign * bump) for sign in (1, -1))
        slopes.append((above - below) / (2 * STEP))
    assert np.maximum(slopes, 0).mean() == pytest.approx(float(found[head, key]), rel=2e-3, abs=2e-4)
