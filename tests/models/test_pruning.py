"""How many tokens stay, which, and that a removed token leaves no trace."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo.models.pruning import (
    Explicit,
    FixedRatio,
    Pruning,
    keep_counts,
    random_subset,
    token_counts,
    top_ids,
    top_policy,
)
from vitdemo.models.selectors import make_selector
from vitdemo.trace import Recorder


@pytest.mark.parametrize(
    ("num_patches", "ratio", "expected"),
    [
        (196, 0.9, (176, 158, 142)),
        (196, 0.8, (156, 125, 100)),
        (196, 0.7, (137, 96, 67)),
        (196, 0.5, (98, 49, 24)),
        (196, 1.0, (196, 196, 196)),
        (64, 0.7, (44, 31, 21)),
        (64, 0.2, (12, 2, 1)),
        (64, 0.01, (1, 1, 1)),
        (25, 1 - 0.8, (5, 1, 1)),
        (20, 1 - 0.9, (2, 1, 1)),
    ],
)
def test_keep_counts(num_patches: int, ratio: float, expected: tuple[int, ...]) -> None:
    assert keep_counts(num_patches, ratio, 3) == expected
    assert token_counts(num_patches, ratio, 3) == (num_patches, *expected)


@given(n=st.integers(1, 1500), percent=st.integers(0, 99), stages=st.integers(1, 4))
def test_keep_counts_in_whole_numbers(n: int, percent: int, stages: int) -> None:
    exact = tuple(max(1, n * (100 - percent) ** s // 100**s) for s in range(1, stages + 1))
    assert keep_counts(n, 1 - percent / 100, stages) == exact


@pytest.mark.parametrize("ratio", [0, -0.1, 1.01, float("nan")])
def test_keep_ratio_out_of_range(ratio: float) -> None:
    with pytest.raises(ValueError, match="keep_ratio"):
        FixedRatio(ratio)


@given(data=st.data(), n=st.integers(1, 12))
def test_top_ids_and_top_policy_agree_with_sorting(data: st.DataObject, n: int) -> None:
    order = data.draw(st.permutations(range(n)))
    count = data.draw(st.integers(1, n))
    scores = torch.tensor([order], dtype=torch.float32)
    best = sorted(sorted(range(n), key=lambda i: -order[i])[:count])
    assert top_ids(scores, count).tolist() == [best]
    alive = torch.tensor([[float(i % 2 == 0) for i in range(n)]])
    kept = top_policy(scores, alive, min(count, int(alive.sum())))
    still = sorted((i for i in range(n) if i % 2 == 0), key=lambda i: -order[i])[:count]
    assert kept[0].nonzero().flatten().tolist() == sorted(still)


def test_random_subset_draws_every_patch_equally_often() -> None:
    ids = random_subset(4000, 8, 3, device=torch.device("cpu"))
    assert (ids.diff(dim=1) > 0).all()
    share = ids.flatten().bincount(minlength=8) / 4000
    torch.testing.assert_close(share, torch.full((8,), 3 / 8), atol=4 * (0.234 / 4000) ** 0.5, rtol=0)


@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("name", VARIANTS)
@torch.no_grad()
def test_a_patch_cut_at_the_input_never_existed(name: str, per_image: bool) -> None:
    net = make_small(**VARIANTS[name])
    x, prefix = make_pictures(net.config, 2), net.config.num_prefix_tokens
    rows = torch.tensor([[0, 3, 4, 9, 15], [1, 2, 8, 13, 14]] if per_image else [[0, 3, 4, 9, 15]] * 2)
    tokens = net.embed(x)
    ids = torch.stack([torch.tensor([*range(prefix), *(row + prefix).tolist()]) for row in rows])
    expected = torch.stack([tokens[b, ids[b]] for b in range(2)])
    for block in net.blocks:
        expected = block(expected, angles=net.angles(ids), ids=ids)
    expected = net.classify(expected)
    rule = Explicit((rows if per_image else rows[0],))
    torch.testing.assert_close(net(x, pruning=Pruning(None, rule)), expected, atol=1e-5, rtol=0)
    assert (expected - net(x)).abs().max() > 0.01


@pytest.mark.parametrize("attention", ["softmax", "linear"])
@torch.no_grad()
def test_explicit_ids_repeat_what_a_ratio_chose(attention: str) -> None:
    net = make_small(attention=attention)
    x, recorder = make_pictures(net.config), Recorder(attention=False)
    selector = make_selector("class-attention", model=net, pixels=x)
    logits = net(x, pruning=Pruning(selector, FixedRatio(0.6)), recorder=recorder)
    prefix = net.config.num_prefix_tokens
    kept = tuple(recorder.token_ids[layer][:, prefix:] - prefix for layer in net.config.prune_loc)
    again = net(x, pruning=Pruning(None, Explicit((None, *kept))))
    torch.testing.assert_close(again, logits)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (((3, 16),), "not present"),
        (((-1, 3),), "not present"),
        (((3, 2),), "ascend"),
        (((3, 3),), "ascend"),
        (((1, 2, 3), (2, 4)), "not present"),
    ],
)
@torch.no_grad()
def test_bad_explicit_ids(ids: tuple[tuple[int, ...], ...], words: str) -> None:
    net = make_small()
    rule = Explicit(tuple(torch.tensor(one) for one in ids))
    with pytest.raises(ValueError, match=words):
        net(make_pictures(net.config), pruning=Pruning(None, rule))


@torch.no_grad()
def test_an_image_is_pruned_alike_alone_and_in_a_batch() -> None:
    net = make_small_dynamic(img_size=(12, 28))
    x = make_pictures(net.config, 4)
    pruning = Pruning(make_selector("learned", model=net, pixels=x), FixedRatio(0.5))
    recorder = Recorder(attention=False)
    together = net(x, pruning=pruning, recorder=recorder)
    alone = torch.cat([net(image[None], pruning=pruning) for image in x])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert len(recorder.token_ids[-1].unique(dim=0)) > 1
