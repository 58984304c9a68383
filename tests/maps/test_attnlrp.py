"""AttnLRP: rule by rule as the paper writes them, and nothing is lost on the way from layer to layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo.maps import explain
from vitdemo.models import VisionTransformer
from vitdemo.models.feature_maps import RELU_FLOOR
from vitdemo.models.layers import Block
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.relevance import RelevanceRules
from vitdemo.models.selectors import make_selector
from vitdemo.recording import add_relevance, record
from vitdemo.trace import Recorder

TARGET = 3


def through_linear(x: Tensor, weight: Tensor, bias: Tensor, relevance: Tensor) -> Tensor:
    """The epsilon rule with epsilon 0: `R_i = sum_j W_ji x_i / z_j R_j`."""
    shares = weight * x[..., None, :] / (x @ weight.T + bias)[..., None]
    return (shares * relevance[..., None]).sum(-2)


def through_norm(x: Tensor, norm: nn.Module, relevance: Tensor) -> Tensor:
    """Prop. 3.4: the deviation counts as a constant, so that the norm is a linear layer of each token."""
    assert isinstance(norm, nn.LayerNorm)
    deviation = (x.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()
    centre = torch.eye(x.shape[-1], dtype=x.dtype) - 1 / x.shape[-1]
    weights = (norm.weight / deviation)[..., None] * centre
    shares = weights * x[..., None, :] / norm(x)[..., None]
    return (shares * relevance[..., None]).sum(-2)


def through_product(a: Tensor, b: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Prop. 3.3: `R_ji = sum_p A_ji V_ip / (2 O_jp) R_jp`, and the same for V."""
    parts = a[..., :, :, None] * b[..., None, :, :]  # j, i, p
    shares = parts / (2 * (a @ b)[..., :, None, :]) * relevance[..., :, None, :]
    return shares.sum(-1), shares.sum(-3)


def through_softmax(logits: Tensor, relevance: Tensor) -> Tensor:
    """Prop. 3.1: `R_i = x_i (R_i - s_i sum_j R_j)`."""
    return logits * (relevance - logits.softmax(-1) * relevance.sum(-1, keepdim=True))


@torch.no_grad()
def through_block(block: Block, x: Tensor, relevance: Tensor) -> Tensor:
    """Return the relevance of what enters a block from that of what leaves it; activations pass it on."""
    attention, mlp = block.attn, block.mlp
    n, heads = len(x), attention.num_heads
    u = block.norm1(x)
    q, k, v = attention.qkv(u).view(n, 3, heads, -1).permute(1, 2, 0, 3)
    q = q * q.shape[-1] ** -0.5
    logits = q @ k.mT
    attn = logits.softmax(-1)
    mixed = (attn @ v).transpose(0, 1).flatten(1)
    middle = x + attention.proj(mixed)
    hidden = mlp.fc1(block.norm2(middle))
    out = middle + mlp.fc2(nn.functional.gelu(hidden))

    branch = relevance * (out - middle) / out
    branch = through_linear(nn.functional.gelu(hidden), mlp.fc2.weight, mlp.fc2.bias, branch)
    branch = through_linear(block.norm2(middle), mlp.fc1.weight, mlp.fc1.bias, branch)
    relevance = relevance * middle / out + through_norm(middle, block.norm2, branch)

    branch = relevance * (middle - x) / middle
    branch = through_linear(mixed, attention.proj.weight, attention.proj.bias, branch)
    of_attn, of_v = through_product(attn, v, branch.view(n, heads, -1).transpose(0, 1))
    of_q, of_k = through_product(q, k.mT, through_softmax(logits, of_attn))
    together = torch.stack([of_q, of_k.mT, of_v]).permute(2, 0, 1, 3).reshape(n, -1)
    branch = through_linear(u, attention.qkv.weight, attention.qkv.bias, together)
    return relevance * x / middle + through_norm(x, block.norm1, branch)


@torch.no_grad()
def test_it_is_the_papers_rules_applied_one_after_another() -> None:
    net = make_small(img_size=8, depth=3).double()
    assert isinstance(net.head, nn.Linear)
    x = make_pictures(net.config, 1).double()
    entering = [net.embed(x)]
    for block in net.blocks:
        entering.append(block(entering[-1]))
    last = entering.pop()[0]
    relevance = torch.zeros_like(last)
    read = net.norm(last)[0]
    of_read = read * net.head.weight[TARGET]  # R_i = W_i x_i / z z
    relevance[0] = through_norm(last[:1], net.norm, of_read[None])[0]
    expected = []
    for block, tokens in zip(reversed(net.blocks), reversed(entering), strict=True):
        assert isinstance(block, Block)
        relevance = through_block(block, tokens[0], relevance)
        expected.append(relevance.sum(-1).float())
    trace = add_relevance(record(net, x, target=TARGET, grads=True), net, x)
    assert trace.relevance is not None
    for found, wanted in zip(trace.relevance, reversed(expected), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(explain(trace, "attnlrp").ravel(), trace.relevance[0][1:])


class Watch(TorchFunctionMode):
    """Keeps what was added as a bias from the first layer on: to which result, and after how many layers."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        self.biases: list[tuple[int, Tensor, Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        bias = {"elu": 1.0, "relu": RELU_FLOOR}.get(func.__name__)  # which linear attention adds
        if func.__name__ == "linear":
            bias = args[2]
        elif func.__name__ == "layer_norm":
            bias = kwargs["bias"]
        if bias is not None and self.recorder.entered and result.requires_grad:
            self.biases.append((len(self.recorder.features), result, torch.as_tensor(bias).detach()))
        return result


def sum_lost(attn: Tensor, gradient: Tensor, *, linear: bool) -> float:
    """Return what comes to a layer's attention less what goes on: `sum R - sum x (R/s - sum R) s`."""
    kept = attn * (gradient - (attn * gradient).sum(-1, keepdim=True)) * attn.log()
    # Shares of a sum stay as they are when all grow: through the division of linear attention goes nothing.
    return float((attn * gradient).sum() - (0 if linear else kept.sum()))


@pytest.mark.parametrize("name", VARIANTS)
def test_relevance_is_conserved_from_layer_to_layer(name: str) -> None:
    """What a layer adds to the sum is the share of its biases and of its softmax, to rounding in float64."""
    net = make_small_dynamic(**VARIANTS[name]).double()
    x = make_pictures(net.config, 1).double()
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.6))
    trace = add_relevance(record(net, x, pruning=pruning, target=TARGET, grads=True), net, x)
    for residual, relevance in ((False, trace.relevance), (True, trace.residual_relevance)):
        assert relevance is not None
        totals, lost, logit = follow_relevance(net, x, pruning, residual=residual)
        assert [float(layer.sum()) for layer in relevance] == pytest.approx(totals[:-1], rel=1e-3, abs=1e-3)
        steps = np.diff([*totals, logit])
        inside = slice(
            net.config.depth if name == "attention pooling" else None
        )  # its softmax is not watched
        np.testing.assert_allclose(steps[inside], lost[inside], rtol=1e-9, atol=1e-9)


def follow_relevance(
    net: VisionTransformer, x: Tensor, pruning: Pruning, *, residual: bool
) -> tuple[list[float], list[float], float]:
    """Return the sums that enter each layer and the last norm, what each adds to them, and the logit."""
    recorder = Recorder(grads=True)
    with RelevanceRules(residual=residual), Watch(recorder) as watch:
        logit = net(x.clone().requires_grad_(), pruning=pruning, recorder=recorder)[0, TARGET]
    torch.testing.assert_close(logit, net(x, pruning=pruning)[0, TARGET])

    depth, tokens = net.config.depth, [*recorder.entered, recorder.features[-1]]
    sources = [*tokens, *recorder.attn, *(result for _, result, _ in watch.biases)]
    found = torch.autograd.grad(logit, sources, materialize_grads=True)
    totals = [float((one.detach() * gradient).sum()) for one, gradient in zip(tokens, found, strict=False)]
    lost = [0.0] * (depth + 1)
    for layer, (attn, gradient) in enumerate(zip(recorder.attn, found[depth + 1 :], strict=False)):
        lost[layer] += sum_lost(attn.detach(), gradient, linear=net.config.attention == "linear")
    for (layer, _, bias), gradient in zip(watch.biases, found[2 * depth + 1 :], strict=True):
        lost[layer] += float((gradient * bias).sum())
    return totals, lost, float(logit.detach())


@pytest.mark.parametrize("name", VARIANTS)
def test_exchanged_classes_change_its_sign_and_parameters_count_as_constants(name: str) -> None:
    net = make_small_dynamic(**VARIANTS[name])
    x = make_pictures(net.config, 1)
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.6))
    heats = []
    for target, trained in (((3, 1), False), ((1, 3), False), ((3, 1), True)):
        net.requires_grad_(trained)
        trace = add_relevance(record(net, x, pruning=pruning, target=target, grads=True), net, x)
        heats.append(explain(trace, "attnlrp"))
    assert np.ptp(heats[0]) > 0
    np.testing.assert_allclose(heats[1], -heats[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(heats[2], heats[0])


def test_a_trace_without_relevance_says_how_to_get_it() -> None:
    net = make_small()
    trace = record(net, make_pictures(net.config, 1), target=TARGET, grads=True)
    for method in ("attnlrp", "reslrp"):
        with pytest.raises(ValueError, match=r"add it by vitdemo\.recording\.add_relevance"):
            explain(trace, method)


def test_branches_that_cancel_share_what_is_left_of_them() -> None:
    """By hand: of a sum with its own value as relevance, weights of 2 for what has the sign of the sum."""
    a = torch.tensor([3.0, -3.0, 2.0, 5.0, 1.0, 0.0], dtype=torch.float64).view(1, 1, 6).requires_grad_()
    b = torch.tensor([1.0, 1.0, -2.0, -4.0, 0.0, 0.0], dtype=torch.float64).view(1, 1, 6).requires_grad_()
    with RelevanceRules(residual=True):
        total = a + b
    expected_a = [3 / 4 * 4, 6 / 5 * -2, 0.0, 10 / 6 * 1, 1.0, 0.0]  # 0 where nothing is left to be shared
    expected_b = [1 / 4 * 4, -1 / 5 * -2, 0.0, -4 / 6 * 1, 0.0, 0.0]
    grads = torch.autograd.grad(total.sum(), (a, b))
    found = [(one * grad).flatten().tolist() for one, grad in zip((a, b), grads, strict=True)]
    assert found[0] == pytest.approx(expected_a)
    assert found[1] == pytest.approx(expected_b)
    torch.testing.assert_close(total, a + b)
