"""Half precision and empty rows: linear attention and the scores of patches stay in single precision.

Values are compared with 64-bit arithmetic, written out, on the very same inputs.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.models.nets import make_pictures, make_small, make_small_dynamic
from vitdemo.config import ViTConfig
from vitdemo.data import preprocess
from vitdemo.decode import decode
from vitdemo.examples import example_paths
from vitdemo.models import VisionTransformer, build_model
from vitdemo.models.attention import Attention, implicit_matrix, linear_attention
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import SELECTORS, make_selector
from vitdemo.recording import record
from vitdemo.trace import Recorder
from vitdemo.weights import load_model

HALVES = (torch.float16, torch.bfloat16)


def make_layer(feature_map: str = "elu", **changes: int) -> Attention:
    """Linear attention, 192 wide with three heads unless told, as it is drawn before training."""
    config = ViTConfig(attention="linear", feature_map=feature_map, **changes)  # type: ignore[arg-type]
    attention = build_model(dataclasses.replace(config, depth=1)).blocks[0].attn  # type: ignore[union-attr]
    assert isinstance(attention, Attention)
    return attention.eval()


def attend_by_hand(attention: Attention, qkv: Tensor) -> Tensor:
    """Eq. 5 and 7 of Katharopoulos et al. 2020 in 64 bits, `(b, n, d)`, from what the projection gave."""
    b, n, _ = qkv.shape
    q, k, v = qkv.double().reshape(b, n, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
    q, k = (x * x.shape[-1] ** -0.25 for x in (q, k))
    if attention.feature_map == "elu":
        q, k = (torch.where(x > 0, x + 1, x.exp()) for x in (q, k))
    else:
        q, k = (x.clamp(min=0) + 1e-6 for x in (q, k))
    weights = q @ k.transpose(-2, -1)
    out = (weights / weights.sum(-1, keepdim=True)) @ v
    return out.transpose(1, 2).reshape(b, n, -1)


@pytest.mark.parametrize("half", HALVES, ids=str)
@pytest.mark.parametrize("feature_map", ["elu", "relu"])
@torch.no_grad()
def test_sums_over_a_thousand_keys_do_not_overflow(feature_map: str, half: torch.dtype) -> None:
    attention, seen = make_layer(feature_map), list[Any]()
    attention.qkv.weight.mul_(30)
    for module in (attention.qkv, attention.proj):
        module.register_forward_hook(lambda module, inputs, output: seen.extend([inputs[0], output]))
    with torch.autocast("cpu", half):
        attention(torch.randn(1, 1025, 192))
    _, qkv, out, _ = seen
    assert qkv.dtype == half
    torch.testing.assert_close(
        out.double(), attend_by_hand(attention, qkv), atol=1e-4, rtol=torch.finfo(half).eps
    )


@pytest.mark.parametrize("half", HALVES, ids=str)
@torch.no_grad()
def test_both_forms_are_the_same_numbers_under_autocast(half: torch.dtype) -> None:
    attention = make_layer()
    q, k, v = (3 * torch.randn(3, 1, 3, 1025, 64)).to(half).unbind(0)
    policy = (torch.rand(1, 1025) < 0.5).float()
    features = [attention.phi(x.double()) for x in (q, k)]
    gate = torch.maximum(policy.double()[:, None, None], torch.eye(1025, dtype=torch.float64))
    weights = features[0] @ features[1].transpose(-2, -1) * gate
    expected = weights / weights.sum(-1, keepdim=True)
    with torch.autocast("cpu", half):
        q, k = attention.phi(q), attention.phi(k)
        out, matrix = linear_attention(q, k, v, policy=policy), implicit_matrix(q, k, policy=policy)
    torch.testing.assert_close(matrix.double(), expected, atol=1e-8, rtol=1e-4)
    eps = torch.finfo(half).eps
    torch.testing.assert_close(out.double(), expected @ v.double(), atol=eps, rtol=eps)


@torch.no_grad()
def test_features_that_are_half_precision_themselves_are_summed_in_single() -> None:
    q, k, v = (torch.rand(1, 1, 1025, 64).add(1).half() for _ in range(3))
    weights = q.double() @ k.double().transpose(-2, -1)
    expected = (weights / weights.sum(-1, keepdim=True)) @ v.double()
    out = linear_attention(q, k, v)
    assert out.dtype == torch.float16
    torch.testing.assert_close(out.double(), expected, atol=0, rtol=2**-10)


@torch.no_grad()
def test_the_bundled_light_network_at_400_patches_in_half_precision() -> None:
    """Its own weights on a 20 x 20 grid, positions resampled: the answers are those of single precision."""
    trained = load_model("lightvit_cifar10")
    config = dataclasses.replace(trained.spec.config, img_size=80)
    state = dict(trained.model.state_dict())
    table = state["pos_embed"][:, 1:].reshape(1, 8, 8, -1).permute(0, 3, 1, 2)
    grown = F.interpolate(table, (20, 20), mode="bicubic").flatten(2).transpose(1, 2)
    state["pos_embed"] = torch.cat([state["pos_embed"][:, :1], grown], dim=1)
    net = build_model(config).eval()
    net.load_state_dict(state)
    data = dataclasses.replace(trained.spec.data, img_size=80)
    paths = list(example_paths().values())[:2]
    x = torch.cat([preprocess(decode(path), config=data).pixels for path in paths])
    expected = net(x).softmax(-1)
    with torch.autocast("cpu", torch.float16):
        found = net(x).float().softmax(-1)
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)


def train_steps(net: VisionTransformer, x: Tensor, y: Tensor, *, half: torch.dtype | None) -> list[float]:
    """Six steps of plain gradient descent, under a scaler where `half` is given; every one is taken."""
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, enabled=half == torch.float16)
    optimizer, losses = torch.optim.SGD(net.parameters(), lr=0.05), []
    for _ in range(6):
        with torch.autocast("cpu", half or torch.bfloat16, enabled=half is not None):
            loss = F.cross_entropy(net(x).float(), y)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert not scaler.is_enabled() or scaler.get_scale() == 2.0**10, "a step was skipped"
    return losses


def test_six_training_steps_on_1024_patches() -> None:
    """Under fp16 and a loss scaler the network learns what it learns in fp32, attention and all."""
    config = ViTConfig(
        img_size=32, patch_size=1, embed_dim=64, num_heads=1, depth=1, mlp_ratio=1.0, num_classes=3,
        global_pool="avg", attention="linear",
    )  # fmt: skip
    x, y = torch.randn(3, 3, 32, 32), torch.arange(3)
    first = build_model(config).train()
    nets = [build_model(config).train() for _ in range(2)]
    for net in nets:
        net.load_state_dict(first.state_dict())
    exact, mixed = train_steps(nets[0], x, y, half=None), train_steps(nets[1], x, y, half=torch.float16)
    assert exact[-1] < exact[0] - 0.005
    assert mixed == pytest.approx(exact, abs=2e-3)
    ours, theirs = (dict(net.named_parameters())["blocks.0.attn.qkv.weight"].detach() for net in nets)
    start = dict(first.named_parameters())["blocks.0.attn.qkv.weight"].detach()
    moved = (ours - start).norm()
    assert (ours - theirs).norm() < 0.02 * moved


@pytest.mark.parametrize("which", ["query", "key", "both"])
@pytest.mark.parametrize("dropped", [False, True])
def test_a_row_without_weight_is_zero_in_both_forms(which: str, dropped: bool) -> None:
    """Nothing to look with or nothing to look at: rows of 0, no NaN, and no gradient that is none."""
    rows = torch.randn(3, 1, 2, 6, 8)
    rows[0 if which == "query" else 1] = -60.0
    if which == "both":
        rows[0] = -60.0
    rows.requires_grad_()
    attention = make_layer()
    q, k, v = attention.phi(rows[0]), attention.phi(rows[1]), rows[2]
    policy = torch.tensor([[1.0, 0, 1, 1, 0, 1]], requires_grad=True) if dropped else None
    out, matrix = linear_attention(q, k, v, policy=policy), implicit_matrix(q, k, policy=policy)
    assert not matrix.any()
    assert not out.any()
    (out.sum() + matrix.square().sum()).backward()
    assert rows.grad is not None
    assert rows.grad.isfinite().all()
    assert policy is None or (policy.grad is not None and policy.grad.isfinite().all())


@torch.no_grad()
def test_rows_beside_an_empty_one_are_as_without_it() -> None:
    rows = torch.randn(3, 1, 2, 6, 8)
    rows[0, :, :, 2] = -60.0
    attention = make_layer()
    q, k, v = attention.phi(rows[0]), attention.phi(rows[1]), rows[2]
    out, matrix = linear_attention(q, k, v), implicit_matrix(q, k)
    others = [0, 1, 3, 4, 5]
    torch.testing.assert_close(matrix.sum(-1), torch.tensor([1.0, 1, 0, 1, 1, 1]).expand(1, 2, 6))
    torch.testing.assert_close(out, matrix @ v)
    torch.testing.assert_close(matrix[:, :, others], implicit_matrix(q[:, :, others], k))


@pytest.mark.parametrize("part", [0, 1], ids=["queries", "keys"])
@pytest.mark.parametrize("feature_map", ["elu", "relu"])
def test_a_network_whose_bias_empties_its_attention_can_be_recorded(feature_map: str, part: int) -> None:
    net = make_small(attention="linear", feature_map=feature_map, global_pool="token_avg")
    d = net.config.embed_dim
    for block in net.blocks:
        block.attn.qkv.bias.data[part * d : (part + 1) * d] = -60.0  # type: ignore[union-attr, index]
    x = make_pictures(net.config, 1)
    trace = record(net, x, grads=True)
    assert trace.logits is not None
    assert trace.attn_grad is not None
    torch.testing.assert_close(trace.logits, net(x)[0].detach(), atol=1e-5, rtol=0)
    for attn, gradient in zip(trace.attn, trace.attn_grad, strict=True):
        # ReLU has a floor of its own: such a query attends evenly.
        sums = torch.zeros(3, 17) if feature_map == "elu" else torch.ones(3, 17)
        torch.testing.assert_close(attn.sum(-1), sums)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("half", HALVES, ids=str)
@pytest.mark.parametrize("name", [name for name in SELECTORS if name != "random"])
@torch.no_grad()
def test_scores_are_single_precision_under_autocast(name: str, half: torch.dtype) -> None:
    """Of 256 patches no two score alike, as in fp32; half precision knows only a few numbers."""
    net = make_small_dynamic(img_size=64)
    x = make_pictures(net.config, 1)

    def first_scores() -> Tensor:
        recorder = Recorder(attention=False)
        selector = make_selector(name, model=net, pixels=x)
        net(x, pruning=Pruning(selector, FixedRatio(0.5)), recorder=recorder)
        return recorder.scores[0][0]

    expected = first_scores()
    with torch.autocast("cpu", half):
        found = first_scores()
        masked = net.forward_masked(x, FixedRatio(0.5)).scores[0][0]
    assert found.dtype == torch.float32
    assert len(found.unique()) > 250
    assert (found - expected).abs().max() < 0.1 * (expected.max() - expected.min())
    if name == "learned":
        assert torch.equal(masked, found)
