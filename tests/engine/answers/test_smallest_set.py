"""The search for the smallest set, against brute force."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.bundle import draw_picture, load_directly
from tests.models.nets import SMALL
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Request
from vitdemo.engine.answers.surgery import Trial, search_prefix, shorten
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Explicit, Pruning

MODEL, COUNT = "dynamicvit_cifar10", 12
FOREVER = 1e12
PIXELS = torch.zeros(1, 3, 16, 16)


class Sum(VisionTransformer):
    """Three classes: the logit of the first is the sum of what each patch says for it."""

    says = torch.zeros(COUNT)

    def forward(self, x: Any, *, pruning: Any = None, recorder: Any = None) -> Tensor:
        own = self.says[pruning.rule.ids[0]].sum(-1)
        return torch.stack([own, torch.zeros_like(own), torch.full_like(own, -1.0)], dim=-1)


@pytest.mark.parametrize("seed", range(8))
def test_every_removal_from_the_set_loses_the_answer(seed: int) -> None:
    """Patches speak for and against, so neither order nor single removals tell all."""
    net = Sum(SMALL)
    net.says = torch.randn(COUNT, generator=torch.Generator().manual_seed(seed)) * 2
    net.says -= net.says.mean() - 0.1  # all of them together hold the answer, barely
    floor = [0.0, 0.4, 0.7][seed % 3]

    def holds(ids: tuple[int, ...]) -> bool:
        p = torch.tensor([float(net.says[list(ids)].sum()), 0.0, -1.0]).softmax(-1)
        return bool(p.argmax() == 0 and p[0] > floor)

    trial = Trial(net, PIXELS, 0, floor, FOREVER)
    everyone = tuple(range(COUNT))
    assert holds(everyone)
    kept = search_prefix(net.says.argsort().tolist(), trial)  # the worst order there is
    while (shorter := shorten(kept, trial)) != kept:
        assert set(shorter) < set(kept)
        kept = shorter
    assert holds(kept)
    smaller = list(combinations(kept, len(kept) - 1)) if len(kept) > 1 else []
    assert not any(holds(ids) for ids in smaller)
    least = next(k for k in range(1, COUNT + 1) if any(holds(ids) for ids in combinations(everyone, k)))
    assert least <= len(kept)


def test_it_removes_what_hurts_least_and_never_more_than_it_may() -> None:
    net = Sum(SMALL)
    net.says = torch.tensor([1.0, -2.0, 3.0, 0.5] + [-0.1] * 8)
    trial = Trial(net, PIXELS, 0, 0.0, FOREVER)
    assert shorten((0, 1, 2), trial) == (0, 2)
    assert shorten((0, 2, 3), trial) == (0, 2)
    assert shorten((2,), trial) == (2,)
    assert trial.tried == 6
    net.says = torch.full((COUNT,), 0.1)
    strict = Trial(net, PIXELS, 0, 0.0, FOREVER)
    assert search_prefix(range(COUNT), strict) == (0,)
    high = Trial(net, PIXELS, 0, float(torch.tensor([0.65, 0.0, -1.0]).softmax(-1)[0]), FOREVER)
    assert len(search_prefix(range(COUNT), high)) == 7, "seven tenths pass, six do not"


@torch.no_grad()
def test_the_set_of_a_real_network(engine: Engine, models: Path) -> None:
    result = engine.open(Request(draw_picture(), MODEL, 0.3))
    model, pixels = load_directly(models, MODEL, draw_picture())
    found = result.lab.smallest_set(share=0.5, seconds=1e9)
    dense = model(pixels).softmax(-1)[0]
    answer = int(dense.argmax())
    assert found.answer == CIFAR10_CLASSES[answer] == result.analysis.dense.top[0][0]
    assert found.dense == pytest.approx(float(dense[answer]), abs=1e-5)

    def probability(ids: tuple[int, ...]) -> float:
        shares = model(pixels, pruning=Pruning(None, Explicit((torch.tensor(ids),)))).softmax(-1)[0]
        return float(shares[answer]) if int(shares.argmax()) == answer else 0.0

    assert found.minimal
    assert found.probability == pytest.approx(probability(found.kept), abs=1e-5)
    assert found.probability > 0.5 * found.dense
    for patch in found.kept if len(found.kept) > 1 else ():
        assert probability(tuple(other for other in found.kept if other != patch)) <= 0.5 * found.dense


def test_it_stops_in_time_and_says_so(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), MODEL, 0.3))
    found = result.lab.smallest_set(seconds=0.0)
    assert not found.minimal
    assert found.kept == tuple(range(64))
    assert found.probability == pytest.approx(found.dense, abs=1e-5)
    assert found.tried == 1
    with pytest.raises(ValueError, match="share"):
        result.lab.smallest_set(share=1.1)
