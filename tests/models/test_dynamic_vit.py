"""DynamicViT: masked training equals real removal, the Gumbel draw, and the official names."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.models.nets import SMALL, VARIANTS, make_pictures, make_small, make_small_dynamic, shake
from vitdemo.models import DynamicViT
from vitdemo.models.dynamic_vit import Gumbel, TokenPredictor
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning, keep_counts
from vitdemo.models.selectors import Learned
from vitdemo.trace import Recorder

PREDICTOR = ("in_conv.0", "in_conv.1", "out_conv.0", "out_conv.2", "out_conv.4")


@pytest.mark.parametrize("ratio", [1.0, 0.9, 0.7, 0.5, 0.2])
@pytest.mark.parametrize("name", VARIANTS)
@torch.no_grad()
def test_masked_forward_is_the_pruned_forward(name: str, ratio: float) -> None:
    net = make_small_dynamic(**VARIANTS[name])
    x, prefix, loc = make_pictures(net.config), net.config.num_prefix_tokens, net.config.prune_loc
    recorder = Recorder(attention=False)
    pruned = net(x, pruning=Pruning(Learned(net), FixedRatio(ratio)), recorder=recorder)
    masked = net.forward_masked(x, FixedRatio(ratio))
    torch.testing.assert_close(masked.logits, pruned, atol=1e-5, rtol=0)
    counts = keep_counts(net.config.num_patches, ratio, len(loc))
    for stage, layer in enumerate(loc):
        before = recorder.token_ids[layer - 1][:, prefix:] - prefix
        kept = recorder.token_ids[layer][:, prefix:] - prefix
        expected = torch.zeros(len(x), net.config.num_patches).scatter(1, kept, 1.0)
        assert torch.equal(masked.policies[stage], expected)
        assert (expected.sum(1) == counts[stage]).all()
        scores = masked.scores[stage].gather(1, before)
        torch.testing.assert_close(scores, recorder.scores[stage], atol=1e-5, rtol=0)
    if ratio == 0.5:
        assert len(masked.policies[-1].unique(dim=0)) > 1


@pytest.mark.parametrize("global_pool", ["token", "avg", "token_avg"])
@pytest.mark.parametrize("attention", ["softmax", "linear"])
def test_gumbel_drops_for_good_and_teaches_every_predictor(attention: str, global_pool: str) -> None:
    net = make_small_dynamic(attention=attention, global_pool=global_pool).train()
    output = net.forward_masked(make_pictures(net.config, 8), Gumbel())
    before = torch.ones_like(output.policies[0])
    for policy in output.policies:
        torch.testing.assert_close(policy, policy.round(), atol=1e-6, rtol=0)
        assert set(policy.round().unique().tolist()) == {0.0, 1.0}
        assert (policy.round() <= before).all()
        before = policy.round()
    output.logits.square().sum().backward()
    for name, parameter in net.score_predictor.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 1e-6, name


@torch.no_grad()
def test_gumbel_keeps_with_the_predicted_probability() -> None:
    net = make_small_dynamic()
    keep = torch.tensor([0.05, 0.3, 0.5, 0.9])
    log_probs = torch.stack([keep, 1 - keep], dim=-1).log().expand(8000, 4, 2)
    alive = torch.tensor([1.0, 1.0, 0.0, 1.0]).expand(8000, 4)
    share = net.next_policy(log_probs, alive, Gumbel(), stage=0).mean(0)
    torch.testing.assert_close(share, keep * alive[0], atol=4 * (0.25 / 8000) ** 0.5, rtol=0)


@pytest.mark.parametrize("global_pool", ["token", "avg", "token_avg"])
def test_a_draw_that_drops_every_patch_stays_finite(global_pool: str) -> None:
    net = make_small_dynamic(global_pool=global_pool)
    for predictor in net.score_predictor:
        predictor.out_conv[4].bias.data.copy_(torch.tensor([-60.0, 60.0]))  # type: ignore[index, union-attr]
    x = make_pictures(net.config)
    output = net.forward_masked(x, Gumbel())
    assert output.policies[-1].sum() == 0
    output.logits.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())
    assert output.logits.isfinite().all()
    if global_pool == "token":
        nobody = Explicit((None, torch.arange(0)))
        expected = net(x, pruning=Pruning(None, nobody))
        torch.testing.assert_close(output.logits, expected, atol=1e-5, rtol=0)


def test_parameter_names_are_timms_and_the_official_ones() -> None:
    names = set(make_small_dynamic().state_dict())
    official = {
        f"score_predictor.{k}.{part}.{p}" for k in range(3) for part in PREDICTOR for p in ("weight", "bias")
    }
    assert {name for name in names if name.startswith("score_predictor")} == official
    assert names - official == set(make_small().state_dict())


def predict_by_hand(net: TokenPredictor, x: Tensor, policy: Tensor) -> Tensor:
    """Eq. 2-5 of Rao et al. 2021, one image at a time."""
    state = {name: value.double() for name, value in net.state_dict().items()}

    def linear(part: str, z: Tensor) -> Tensor:
        return z @ state[f"{part}.weight"].T + state[f"{part}.bias"]

    def gelu(z: Tensor) -> Tensor:
        return z * (1 + torch.erf(z / 2**0.5)) / 2

    results = []
    for image, alive in zip(x.double(), policy.double(), strict=True):
        centred = image - image.mean(-1, keepdim=True)
        z = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        z = gelu(linear("in_conv.1", z * state["in_conv.0.weight"] + state["in_conv.0.bias"]))
        half = z.shape[-1] // 2
        shared = sum(alive[j] * z[j, half:] for j in range(len(z))) / alive.sum()
        z = torch.stack([torch.cat([row[:half], shared]) for row in z])
        z = linear("out_conv.4", gelu(linear("out_conv.2", gelu(linear("out_conv.0", z)))))
        results.append(z - z.exp().sum(-1, keepdim=True).log())
    return torch.stack(results)


@torch.no_grad()
def test_predictor_is_the_formula() -> None:
    net = shake(TokenPredictor(16))
    x = torch.randn(2, 7, 16)
    policy = torch.tensor([[1.0, 0, 1, 1, 0, 0, 1], [1.0] * 7])
    torch.testing.assert_close(net(x, policy).double(), predict_by_hand(net, x, policy), atol=1e-5, rtol=0)
    torch.testing.assert_close(net(x), net(x, torch.ones(2, 7)))
    torch.testing.assert_close(net(x).exp().sum(-1), torch.ones(2, 7))


@torch.no_grad()
def test_masked_patches_are_the_normalised_last_tokens() -> None:
    net = make_small_dynamic()
    x = make_pictures(net.config)
    expected = F.layer_norm(net.encode(x).x, (24,), net.norm.weight, net.norm.bias, eps=1e-6)  # type: ignore[arg-type]
    patches = net.forward_masked(x, FixedRatio(1.0)).patches
    torch.testing.assert_close(patches, expected[:, 1:], atol=1e-5, rtol=0)


def test_a_config_without_predictors_is_refused() -> None:
    with pytest.raises(ValueError, match="prune"):
        DynamicViT(dataclasses.replace(SMALL, prune=None))
