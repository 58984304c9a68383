"""The adaptive budget: who passes, and that a pass under it is that of the same sets given by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.models.nets import VARIANTS, make_pictures, make_small, make_small_dynamic
from vitdemo.config import PruneConfig
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning, Threshold, passes_threshold, passing_ids
from vitdemo.models.selectors import SELECTORS, Learned, make_selector, make_threshold, takes_threshold
from vitdemo.trace import Recorder

FITTING = [name for name in SELECTORS if takes_threshold(name)]
WEIGHTS = torch.tensor([[0.1, 0.4, 0.3, 0.2]])  # mean 0.25


def find_kept(net: VisionTransformer, recorder: Recorder) -> tuple[Tensor, ...]:
    prefix = net.config.num_prefix_tokens
    return tuple(recorder.token_ids[layer][:, prefix:] - prefix for layer in net.config.prune_loc)


@pytest.mark.parametrize(
    ("rule", "alive", "expected"),
    [
        (Threshold(0.0), [1, 1, 1, 1], [0, 1, 2, 3]),
        (Threshold(0.79), [1, 1, 1, 1], [1, 2, 3]),
        (Threshold(0.81), [1, 1, 1, 1], [1, 2]),
        (Threshold(1.19), [1, 1, 1, 1], [1, 2]),
        (Threshold(1.21), [1, 1, 1, 1], [1]),
        (Threshold(99.0), [1, 1, 1, 1], [1]),
        (Threshold(0.9), [1, 0, 1, 1], [2, 3]),  # of 0.1, 0.3 and 0.2 the mean is 0.2
        (Threshold(0.29, relative=False), [1, 1, 1, 1], [1, 2]),
        (Threshold(0.29, relative=False), [1, 0, 1, 1], [2]),
        (Threshold(0.9, relative=False), [1, 0, 1, 1], [2]),
    ],
)
@pytest.mark.parametrize("log_scores", [True, False])
def test_who_passes_by_hand(rule: Threshold, alive: list[int], expected: list[int], log_scores: bool) -> None:
    rule = Threshold(rule.value, log_scores=log_scores, relative=rule.relative)
    scores = WEIGHTS.log() if log_scores else WEIGHTS
    stays = passes_threshold(scores, rule, torch.tensor([alive]).float())
    assert stays[0].nonzero().flatten().tolist() == expected


@given(
    scores=st.lists(st.integers(-3000, 0).map(lambda hundredths: hundredths / 100), min_size=1, max_size=12),
    value=st.floats(0, 3),
    shift=st.floats(-200, 0),
)
def test_a_constant_on_all_log_scores_changes_nothing(
    scores: list[float], value: float, shift: float
) -> None:
    weights = [math.exp(score) for score in scores]
    level = value * sum(weights) / len(weights)
    if any(abs(w - level) < 1e-3 * level for w in weights):
        return  # a tie, which rounding decides
    best = max(range(len(scores)), key=lambda i: scores[i])
    expected = [w >= level or i == best for i, w in enumerate(weights)]
    rows = torch.tensor([scores, [score + shift for score in scores]], dtype=torch.float64)
    assert passes_threshold(rows, Threshold(value)).tolist() == [expected, expected]


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_bad_thresholds(value: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Threshold(value)


@pytest.mark.parametrize("name", VARIANTS)
@torch.no_grad()
def test_a_pass_is_that_of_the_same_sets_given(name: str) -> None:
    nets = make_small_dynamic(**VARIANTS[name]), make_small(**VARIANTS[name])
    for net, selector in zip(nets, ("learned", "class-attention"), strict=True):
        x, recorder = make_pictures(net.config, 1), Recorder(attention=False)
        pruning = Pruning(make_selector(selector, model=net, pixels=x), make_threshold(selector, 1.0))
        logits = net(x, pruning=pruning, recorder=recorder)
        kept = find_kept(net, recorder)
        again = net(x, pruning=Pruning(None, Explicit((None, *kept))))
        torch.testing.assert_close(again, logits, atol=1e-6, rtol=0)
        assert kept[-1].shape[1] < net.config.num_patches


@pytest.mark.parametrize("selector", FITTING)
@torch.no_grad()
def test_it_is_a_fixed_ratio_where_it_lies_between_the_right_scores(selector: str) -> None:
    net = make_small_dynamic(prune=PruneConfig((2,)))
    x, recorder = make_pictures(net.config, 1), Recorder(attention=False)
    chosen = make_selector(selector, model=net, pixels=x)
    fixed = net(x, pruning=Pruning(chosen, FixedRatio(0.5)), recorder=recorder)
    scores = recorder.scores[0][0].double()
    weights = (scores.exp() if SELECTORS[selector].log_scores else scores).sort(descending=True).values
    value = float((weights[7] + weights[8]) / 2 / weights.mean())  # 8 of 16 stay
    found = net(x, pruning=Pruning(chosen, make_threshold(selector, value)))
    torch.testing.assert_close(found, fixed)
    assert (net(x) - fixed).abs().max() > 0.01


@pytest.mark.parametrize("attention", ["softmax", "linear"])
@torch.no_grad()
def test_masked_batch_is_each_picture_pruned_alone(attention: str) -> None:
    net, rule = make_small_dynamic(attention=attention), Threshold(0.95)
    x = make_pictures(net.config, 6)
    pruning = Pruning(Learned(net), rule)
    alone = torch.cat([net(image[None], pruning=pruning) for image in x])
    masked = net.forward_masked(x, rule)
    torch.testing.assert_close(masked.logits, alone, atol=1e-5, rtol=0)
    assert len(masked.policies[-1].sum(1).unique()) > 1, "the pictures differ in what they need"
    with pytest.raises(ValueError, match="one by one"):
        net(x, pruning=pruning)
    twice = net(x[:1].expand(2, -1, -1, -1), pruning=pruning)
    torch.testing.assert_close(twice, alone[:1].expand(2, -1), atol=1e-5, rtol=0)


def test_ids_of_rows_that_keep_equally_many() -> None:
    scores = torch.cat([WEIGHTS, WEIGHTS.flip(1)])
    assert passing_ids(scores, Threshold(1, log_scores=False)).tolist() == [[1, 2], [1, 2]]
    assert passing_ids(scores, Threshold(0.7, log_scores=False)).tolist() == [[1, 2, 3], [0, 1, 2]]


@pytest.mark.parametrize("name", [name for name in SELECTORS if name not in FITTING])
def test_scores_without_a_mean_to_compare_with_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{' or '.join(FITTING)}, got '{name}'"):
        make_threshold(name, 0.5)
