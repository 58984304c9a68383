"""What each selector scores, against the recorded attention and written-out forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.models.nets import make_pictures, make_small, make_small_dynamic
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning
from vitdemo.models.selectors import SELECTORS, list_selectors, make_selector
from vitdemo.trace import Recorder


def prune(net: VisionTransformer, x: Tensor, name: str, *, ratio: float = 0.6) -> Recorder:
    recorder = Recorder(attention=False)
    net(x, pruning=Pruning(make_selector(name, model=net, pixels=x), FixedRatio(ratio)), recorder=recorder)
    return recorder


def find_kept(net: VisionTransformer, recorder: Recorder) -> list[Tensor]:
    prefix = net.config.num_prefix_tokens
    return [recorder.token_ids[layer][:, prefix:] - prefix for layer in net.config.prune_loc]


@pytest.mark.parametrize("options", [{}, {"dist_token": True}, {"attention": "linear"}], ids=str)
@torch.no_grad()
def test_class_attention_is_the_class_row_of_the_next_block(options: dict[str, object]) -> None:
    net = make_small(**options)
    x, prefix = make_pictures(net.config), net.config.num_prefix_tokens
    recorder = prune(net, x, "class-attention")
    kept = find_kept(net, recorder)
    for stage, layer in enumerate(net.config.prune_loc):
        uncut = Recorder()
        net(x, pruning=Pruning(None, Explicit((None, *kept[:stage]))), recorder=uncut)
        expected = uncut.attn[layer].mean(dim=1)[:, 0, prefix:]
        torch.testing.assert_close(recorder.scores[stage], expected, atol=1e-6, rtol=1e-4)


@torch.no_grad()
def test_without_a_class_token_the_mean_query_asks() -> None:
    net = make_small(class_token=False, global_pool="avg")
    x = make_pictures(net.config)
    block = net.blocks[1]
    tokens = block.norm1(net.blocks[0](net.embed(x)))  # type: ignore[operator]
    weight, bias = block.attn.qkv.weight, block.attn.qkv.bias  # type: ignore[union-attr]
    rows = []
    for head in range(3):
        part = slice(8 * head, 8 * head + 8)
        q = tokens @ weight[:24][part].T + bias[:24][part]  # type: ignore[index]
        k = tokens @ weight[24:48][part].T + bias[24:48][part]  # type: ignore[index]
        rows.append((torch.einsum("be,bne->bn", q.mean(1), k) / 8**0.5).softmax(-1))
    assert net.config.prune_loc[0] == 1
    scores = prune(net, x, "class-attention").scores[0]
    torch.testing.assert_close(scores, torch.stack(rows).mean(0), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("dynamic", [False, True])
@torch.no_grad()
def test_every_selector_keeps_its_largest_scores(dynamic: bool) -> None:
    net = make_small_dynamic() if dynamic else make_small()
    x, prefix = make_pictures(net.config), net.config.num_prefix_tokens
    for name in list_selectors(net.config):
        recorder = prune(net, x, name)
        for stage, kept in enumerate(find_kept(net, recorder)):
            before = recorder.token_ids[net.config.prune_loc[stage] - 1][:, prefix:] - prefix
            for row in range(len(x)):
                order = sorted(zip(recorder.scores[stage][row].tolist(), before[row].tolist(), strict=True))
                assert kept[row].tolist() == sorted(patch for _, patch in order[-kept.shape[1] :])


@pytest.mark.parametrize("dynamic", [False, True])
@torch.no_grad()
def test_inverted_negates_the_best_selector(dynamic: bool) -> None:
    net = make_small_dynamic() if dynamic else make_small()
    x = make_pictures(net.config)
    best = prune(net, x, "learned" if dynamic else "class-attention")
    inverted = prune(net, x, "inverted")
    torch.testing.assert_close(inverted.scores[0], -best.scores[0])
    kept, dropped = find_kept(net, best)[0], find_kept(net, inverted)[0]
    assert kept.shape == dropped.shape == (3, 9)
    shared = [set(a.tolist()) & set(b.tolist()) for a, b in zip(kept, dropped, strict=True)]
    assert [len(both) for both in shared] == [2, 2, 2]  # 9 best and 9 worst of 16


@torch.no_grad()
def test_random_follows_the_picture_alone() -> None:
    net = make_small()
    x = make_pictures(net.config, 2)
    first, again = prune(net, x, "random"), prune(net, x.flip(0).clone(), "random")
    for scores, flipped in zip(first.scores, again.scores, strict=True):
        assert torch.equal(scores, flipped.flip(0))
        assert not torch.equal(scores[0], scores[1])
    smaller = min(len(first.scores[0][0]), len(first.scores[1][0]))
    assert not torch.equal(first.scores[0][0, :smaller], first.scores[1][0, :smaller])
    everything = torch.cat(
        [prune(net, make_pictures(net.config, 64), "random").scores[0].flatten() for _ in range(4)]
    )
    assert abs(everything.mean() - 0.5) < 4 * (1 / 12 / len(everything)) ** 0.5


def test_the_learned_selector_needs_predictors() -> None:
    net = make_small()
    with pytest.raises(ValueError, match="DynamicViT"):
        make_selector("learned", model=net, pixels=make_pictures(net.config))
    rest = tuple(name for name in SELECTORS if name != "learned")
    assert list_selectors(net.config) == rest
    assert list_selectors(make_small_dynamic().config) == ("learned", *rest)


def test_an_unknown_list_selectors_the_known_ones() -> None:
    net = make_small()
    with pytest.raises(ValueError, match=f"{', '.join(SELECTORS)}, got 'best'"):
        make_selector("best", model=net, pixels=make_pictures(net.config))
