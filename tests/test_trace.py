"""`Trace`: its invariants, and that `record` freezes what the network really did."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest
import torch

from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.trace import Trace


def make_fields(**changes: Any) -> dict[str, Any]:
    """A right trace of a 2 x 2 grid, one class token, one head, two layers and a cut before the second."""
    good: dict[str, Any] = {
        "model": "by hand",
        "grid": (2, 2),
        "num_prefix_tokens": 1,
        "logits": None,
        "attn": (torch.full((1, 5, 5), 0.2), torch.full((1, 3, 3), 1 / 3)),
        "token_ids": (torch.arange(5), torch.tensor([0, 2, 4])),
        "readout": torch.tensor([1.0, 0.0, 0.0]),
        "scores": (torch.rand(4),),
        "prune_loc": (1,),
    }
    return {**good, **changes}


def make_gradients(**changes: Any) -> dict[str, Any]:
    """Return what the same trace has besides with gradients of class 1 of 2."""
    good: dict[str, Any] = {
        "logits": torch.zeros(2),
        "target": 1,
        "attn_grad": (torch.zeros(1, 5, 5), torch.zeros(1, 3, 3)),
        "early_grad": (torch.zeros(1, 5), torch.zeros(1, 3)),
        "tokens": torch.zeros(3, 2),
        "token_grad": torch.zeros(3, 2),
    }
    return {**good, **changes}


def test_a_right_trace_with_gradients_can_be_made() -> None:
    assert Trace(**make_fields(**make_gradients())).target == 1


def test_patches_are_numbered_without_the_prefix() -> None:
    trace = Trace(**make_fields())
    assert trace.num_patches == 4
    assert trace.patch_ids(0).tolist() == [0, 1, 2, 3]
    assert [kept.tolist() for kept in trace.kept] == [[1, 3]]
    with pytest.raises(dataclasses.FrozenInstanceError):
        trace.model = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token_ids": (torch.arange(5), torch.tensor([0, 4, 2]))}, "ascend"),
        ({"token_ids": (torch.arange(5), torch.tensor([0, 2, 2]))}, "ascend"),
        ({"token_ids": (torch.tensor([0, 1, 2, 3, 7]), torch.tensor([0, 2, 3]))}, "never returns"),
        (
            {
                "token_ids": (torch.tensor([0, 2, 4]), torch.tensor([0, 1, 4])),
                "attn": (torch.full((1, 3, 3), 1 / 3),) * 2,
            },
            "never returns",
        ),
        ({"token_ids": (torch.arange(5), torch.tensor([1, 2, 4]))}, "prefix"),
        ({"token_ids": (torch.arange(5), torch.tensor([0, 2]))}, "square"),
        ({"attn": (torch.full((1, 5, 5), 0.2), torch.full((1, 3, 5), 0.2))}, "square"),
        ({"token_ids": (torch.arange(5),)}, "one set of token ids"),
        ({"readout": torch.tensor([1.0, 0.0])}, "head reads"),
        ({"scores": (torch.zeros(4),) * 2}, "one set of scores"),
        ({"mixes": (None,)}, "one mix a layer"),
        ({"mixes": (None, torch.eye(5))}, "a row a token"),
        ({"mixes": (None, torch.eye(5)[[0, 2, 4]] * 2)}, "sums to 1"),
        ({"mixes": (None, torch.eye(5)[[0, 2, 4]] * 2 - torch.eye(5)[[0, 3, 4]])}, "negative"),
        ({"mixes": (None, torch.eye(5)[[0, 3, 4]])}, "a part of it lay"),
        ({"mixes": (None, (torch.eye(5)[[0, 2, 4]] + torch.eye(5)[[0, 3, 3]]) / 2)}, "belongs to one"),
        (make_gradients(token_grad=None), "come together"),
        ({"target": 1}, "of a logit"),
        ({"attn_grad": make_gradients()["attn_grad"]}, "come together"),
        ({name: value for name, value in make_gradients().items() if name != "target"}, "of a target"),
        (make_gradients(logits=None), "of a logit"),
        (make_gradients(target=2), "one of the classes"),
        (make_gradients(against=2), "the other class is one"),
        (make_gradients(against=1), "the other class is another"),
        ({"against": 1}, "of a target"),
        ({"relevance": (torch.zeros(5), torch.zeros(3))}, "of a target"),
        (make_gradients(relevance=(torch.zeros(5), torch.zeros(5))), "one relevance a token"),
        (make_gradients(attn_grad=(torch.zeros(1, 3, 3), torch.zeros(1, 5, 5))), "one gradient a layer"),
        (make_gradients(early_grad=(torch.zeros(1, 5), torch.zeros(1, 5))), "one number a key"),
        (make_gradients(early_grad=None), "come together"),
        (make_gradients(token_grad=torch.zeros(3, 3)), "one gradient a token"),
        (make_gradients(tokens=torch.zeros(5, 2), token_grad=torch.zeros(5, 2)), "those of the last layer"),
    ],
)
def test_a_wrong_trace_cannot_be_made(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        Trace(**make_fields(**changes))


READ_OTHERWISE = ("class beside mean", "attention pooling")  # not by a mean of the tokens: proven below


@pytest.mark.parametrize("name", VARIANTS)
def test_record_freezes_the_pruned_pass(name: str) -> None:
    net = make_small_dynamic(**VARIANTS[name])
    x = make_pictures(net.config, 1)
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.5))
    trace = record(net, x, pruning=pruning, name="small")
    n, prefix = net.config.num_patches, net.config.num_prefix_tokens
    assert (trace.model, trace.grid, trace.num_prefix_tokens) == ("small", net.config.grid, prefix)
    assert trace.logits is not None
    torch.testing.assert_close(trace.logits, net(x, pruning=pruning)[0].detach(), atol=1e-5, rtol=0)
    expected = [n, *(max(1, int(n * 0.5**s)) for s in (1, 2, 3))]
    assert [len(ids) - prefix for ids in trace.token_ids] == expected
    present = torch.arange(n)
    for scores, kept in zip(trace.scores, trace.kept, strict=True):
        assert kept.tolist() == present[scores.argsort(descending=True)[: len(kept)]].sort().values.tolist()
        present = kept
    for attn in trace.attn:
        torch.testing.assert_close(attn.sum(-1), torch.ones(attn.shape[:2]))
        assert not attn.requires_grad


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in READ_OTHERWISE])
@torch.no_grad()
def test_the_head_reads_the_tokens_with_the_readout(name: str) -> None:
    """What the head sees is `readout` times the normalised tokens; a second head makes the mean of two."""
    net = make_small_dynamic(**VARIANTS[name])
    if net.config.dist_token:
        net.head_dist.load_state_dict(net.head.state_dict())
    x = make_pictures(net.config, 1)
    seen: list[torch.Tensor] = []

    def see(module: torch.nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        seen.extend([inputs[0], output])

    net.norm.register_forward_hook(see)
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.6))
    trace = record(net, x, pruning=pruning)
    assert float(trace.readout.sum()) == pytest.approx(1)
    tokens, normalised = seen[0][0], seen[1][0]
    assert trace.logits is not None
    torch.testing.assert_close(
        net.head(net.fc_norm(trace.readout @ normalised)), trace.logits, atol=1e-5, rtol=0
    )
    torch.testing.assert_close(trace.token_norms[-1], tokens.square().sum(-1).sqrt())
    found = trace.directions[-1].float() * trace.token_norms[-1].unsqueeze(-1)
    torch.testing.assert_close(found, tokens, atol=2e-3, rtol=1e-3)
    assert [len(layer) for layer in trace.directions] == [len(ids) for ids in trace.token_ids]


@torch.no_grad()
def test_a_head_that_reads_class_and_mean_side_by_side_reads_both_alike() -> None:
    net = make_small(**VARIANTS["class beside mean"])
    trace = record(net, make_pictures(net.config, 1))
    torch.testing.assert_close(trace.readout, torch.tensor([0.5, *[0.5 / 16] * 16]))
    assert trace.pooled is not None
    assert trace.logits is not None
    assert trace.pooled.shape == (2 * net.config.embed_dim,)
    torch.testing.assert_close(net.head(trace.pooled), trace.logits)


@torch.no_grad()
def test_attention_pooling_reads_with_the_mean_of_its_heads() -> None:
    """Against torch's own attention of the learned query, through pruning."""
    net = make_small_dynamic(**VARIANTS["attention pooling"])
    x, seen = make_pictures(net.config, 1), []
    net.norm.register_forward_hook(lambda module, inputs, output: seen.append(output))
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.6))
    trace, pool, width = record(net, x, pruning=pruning), net.attn_pool, net.config.embed_dim
    assert pool is not None
    theirs = torch.nn.MultiheadAttention(width, net.config.num_heads, batch_first=True)
    theirs.load_state_dict({
        "in_proj_weight": torch.cat([pool.q.weight, pool.kv.weight]),
        "in_proj_bias": torch.cat([pool.q.bias, pool.kv.bias]),
        "out_proj.weight": pool.proj.weight,
        "out_proj.bias": pool.proj.bias,
    })  # fmt: skip
    read, weights = theirs(pool.latent, seen[0], seen[0])
    torch.testing.assert_close(trace.readout, weights[0, 0])
    assert trace.readout.std() > 1e-3
    pooled = read + pool.mlp(pool.norm(read))
    assert trace.logits is not None
    torch.testing.assert_close(net.head(pooled)[0, 0], trace.logits, atol=1e-5, rtol=1e-5)


def test_a_backbone_has_no_logits() -> None:
    net = make_small(num_classes=0)
    trace = record(net, make_pictures(net.config, 1))
    assert trace.logits is None
    assert trace.kept == trace.scores == ()


def test_record_takes_one_image() -> None:
    net = make_small()
    unchecked = inspect.unwrap(record)  # without the tests' type checker, which does not run for users
    with pytest.raises(ValueError, match="batch of 2"):
        unchecked(net, make_pictures(net.config, 2))
