"""Attention against its written-out formulas, and what a forward pass does and does not compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.models.nets import VARIANTS, make_pictures, make_small
from vitdemo.models.attention import implicit_matrix, linear_attention, policy_softmax
from vitdemo.models.feature_maps import RELU_FLOOR
from vitdemo.trace import Recorder


class Watch(TorchDispatchMode):
    """Names of the operations that ran, and the shapes of what they returned."""

    def __init__(self) -> None:
        super().__init__()
        self.ops: list[str] = []
        self.shapes: list[torch.Size] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.ops.append(func.overloadpacket.__name__)
        self.shapes += [leaf.shape for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        return result

    def square(self, n: int) -> list[torch.Size]:
        """Return the shapes with two dimensions of n tokens."""
        return [shape for shape in self.shapes if list(shape).count(n) > 1]


@contextmanager
def count_fused_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[torch.Size]]:
    real, calls = F.scaled_dot_product_attention, []

    def counted(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        calls.append(q.shape)
        return real(q, k, v)

    with monkeypatch.context() as patch:
        patch.setattr(F, "scaled_dot_product_attention", counted)
        yield calls


@pytest.mark.parametrize("attention", [False, True])
@torch.no_grad()
def test_softmax_is_written_out_only_for_a_recorder(monkeypatch: pytest.MonkeyPatch, attention: bool) -> None:
    net = make_small()
    x = make_pictures(net.config)
    for recorder in (None, Recorder(attention=attention)):
        with count_fused_calls(monkeypatch) as calls, Watch() as watch:
            net(x, recorder=recorder)
        written = net.config.depth if recorder is not None and attention else 0
        assert len(calls) == net.config.depth - written
        assert watch.ops.count("_softmax") == written
        assert bool(watch.square(17)) == bool(written)


@pytest.mark.parametrize("feature_map", ["elu", "relu"])
@torch.no_grad()
def test_linear_attention_forms_no_square_matrix(feature_map: str) -> None:
    net = make_small(img_size=64, patch_size=2, depth=2, attention="linear", feature_map=feature_map)
    x = make_pictures(net.config, 1)
    n = net.config.num_patches
    with Watch() as watch:
        net(x)
    assert max(shape.numel() for shape in watch.shapes) < n * n / 4
    assert not watch.square(n + 1)
    with Watch() as watch:
        net(x, recorder=Recorder())
    assert watch.square(n + 1)


@pytest.mark.parametrize("name", VARIANTS)
@torch.no_grad()
def test_recording_changes_no_logit(name: str) -> None:
    net = make_small(**VARIANTS[name])
    x, recorder = make_pictures(net.config), Recorder()
    torch.testing.assert_close(net(x, recorder=recorder), net(x), atol=1e-5, rtol=0)
    assert len(recorder.attn) == net.config.depth
    for attn in recorder.attn:
        torch.testing.assert_close(attn.sum(-1), torch.ones_like(attn.sum(-1)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@torch.no_grad()
def test_other_precisions_run_on_the_cpu(dtype: torch.dtype) -> None:
    net = make_small()
    x = make_pictures(net.config)
    expected = net(x)
    logits = net.to(dtype)(x.to(dtype))
    assert logits.dtype == dtype
    torch.testing.assert_close(logits.float(), expected, atol=1e-5 if dtype == torch.float64 else 0.3, rtol=0)


def draw_policy(batch: int, n: int, *, soft: bool) -> Tensor:
    return torch.rand(batch, n) if soft else (torch.rand(batch, n) < 0.5).float()


def gate_by_hand(policy: Tensor) -> Tensor:
    """Return `G_ij = 1 if i = j else p_j`, entry by entry (Rao et al. 2021, eq. 10)."""
    batch, n = policy.shape
    rows = []
    for b in range(batch):
        for i in range(n):
            rows += [policy.new_ones(()) if i == j else policy[b, j] for j in range(n)]
    return torch.stack(rows).reshape(batch, 1, n, n)


def attend_softmax(logits: Tensor, policy: Tensor) -> Tensor:
    weights = logits.exp() * gate_by_hand(policy)
    return weights / weights.sum(-1, keepdim=True)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(1, 7),
    soft=st.booleans(),
    spread=st.sampled_from([0.1, 1.0, 2.5]),
)
def test_policy_softmax_is_the_formula(seed: int, n: int, soft: bool, spread: float) -> None:
    torch.manual_seed(seed)
    logits = (spread * torch.randn(2, 3, n, n)).requires_grad_()
    policy = draw_policy(2, n, soft=soft).requires_grad_()
    weight = torch.randn(2, 3, n, n)
    ours = policy_softmax(logits, policy)
    gradients = torch.autograd.grad((ours * weight).sum(), (logits, policy))

    exact = [tensor.detach().double().requires_grad_() for tensor in (logits, policy)]
    formula = attend_softmax(*exact)
    expected = torch.autograd.grad((formula * weight.double()).sum(), exact, materialize_grads=True)
    torch.testing.assert_close(ours.double(), formula, atol=1e-6, rtol=1e-5)
    for gradient, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient.double(), wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("largest", [60.0, 200.0])  # exp(-200) is 0 in 32 bits
def test_a_dropped_token_with_the_largest_logit_hides_nobody(largest: float) -> None:
    logits = torch.tensor([0.0, 0.0, largest, 0.0]).expand(1, 1, 4, 4).clone().requires_grad_()
    policy = torch.tensor([[1.0, 1.0, 0.0, 1.0]], requires_grad=True)
    attn = policy_softmax(logits, policy)
    third = 1 / 3
    kept = [third, third, 0.0, third]
    expected = torch.tensor([kept, kept, [0.0, 0.0, 1.0, 0.0], kept])
    torch.testing.assert_close(attn[0, 0], expected, atol=1e-6, rtol=0)
    (attn * torch.arange(16.0).reshape(4, 4)).sum().backward()
    assert logits.grad is not None
    assert policy.grad is not None
    assert logits.grad.isfinite().all()
    assert policy.grad.isfinite().all()
    assert policy.grad[0, 2] != 0


def attend_linear(q: Tensor, k: Tensor, v: Tensor, policy: Tensor) -> Tensor:
    weights = torch.einsum("bhie,bhje->bhij", q, k) * gate_by_hand(policy)
    return torch.einsum("bhij,bhjf->bhif", weights, v) / weights.sum(-1, keepdim=True)


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("feature_map", ["elu", "relu"])
def test_linear_attention_is_its_matrix(feature_map: str, dropped: bool) -> None:
    layer = make_small(attention="linear", feature_map=feature_map).blocks[0].attn  # type: ignore[union-attr]
    raw = torch.randn(3, 2, 3, 9, 8)
    q, k, v = layer.phi(raw[0]), layer.phi(raw[1]), raw[2]  # type: ignore[operator]
    scaled = raw[:2] * 8**-0.25
    elu = torch.where(scaled > 0, scaled + 1, scaled.exp())
    torch.testing.assert_close(
        torch.stack([q, k]), elu if feature_map == "elu" else scaled.relu() + RELU_FLOOR
    )

    policy = draw_policy(2, 9, soft=False) if dropped else None
    out, matrix = linear_attention(q, k, v, policy=policy), implicit_matrix(q, k, policy=policy)
    torch.testing.assert_close(matrix @ v, out, atol=1e-5, rtol=0)
    torch.testing.assert_close(matrix.sum(-1), torch.ones(2, 3, 9))
    everyone = torch.ones(2, 9)
    exact = [tensor.double() for tensor in (q, k, v, everyone if policy is None else policy)]
    torch.testing.assert_close(out.double(), attend_linear(*exact), atol=1e-5, rtol=0)


def test_linear_attention_under_a_policy_has_the_formulas_gradients() -> None:
    q, k, v = (torch.rand(2, 3, 6, 4) + 0.1 for _ in range(3))
    inputs = [tensor.requires_grad_() for tensor in (q, k, v, draw_policy(2, 6, soft=False))]
    weight = torch.randn(2, 3, 6, 4)
    ours = linear_attention(*inputs[:3], policy=inputs[3])
    gradients = torch.autograd.grad((ours * weight).sum(), inputs)
    exact = [tensor.detach().double().requires_grad_() for tensor in inputs]
    expected = torch.autograd.grad((attend_linear(*exact) * weight.double()).sum(), exact)
    for gradient, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient.double(), wanted, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_query_without_any_relu_feature_attends_evenly() -> None:
    layer = make_small(attention="linear", feature_map="relu").blocks[0].attn  # type: ignore[union-attr]
    q, k = layer.phi(-torch.ones(1, 1, 1, 8)), layer.phi(torch.ones(1, 1, 5, 8))  # type: ignore[operator]
    torch.testing.assert_close(implicit_matrix(q, k), torch.full((1, 1, 1, 5), 0.2))
