"""The laboratory against the bare network: every number made again another way."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.engine.bundle import LAB_MODEL as MODEL
from tests.engine.bundle import Net, draw_picture, load_directly
from vitdemo import cost
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Request, Result, SmallestSet, Surgery
from vitdemo.models import DynamicViT
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import Learned, make_selector
from vitdemo.registry import MODELS


@pytest.fixture(scope="module")
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)


@torch.no_grad()
def mask_patches(net: Net, sets: tuple[tuple[int, ...], ...]) -> Tensor:
    """Return the probabilities with every patch still there, but hidden from its stage on.

    Hidden is from attention and pooling. `sets[0]` counts from the input.
    """
    model, pixels = net
    x, prefix = model.embed(pixels), model.config.num_prefix_tokens
    policy, stages = (
        torch.ones(1, x.shape[1] - prefix),
        dict(zip(model.config.prune_loc, sets[1:], strict=False)),
    )

    def only(ids: tuple[int, ...]) -> Tensor:
        return torch.zeros(1, x.shape[1] - prefix).index_fill(1, torch.tensor(ids), 1.0)

    policy = only(sets[0])
    for index, block in enumerate(model.blocks):
        if index in stages:
            policy = only(stages[index])
        x = block(x, policy=torch.cat([torch.ones(1, prefix), policy], dim=1))
    return model.classify(x, policy=policy).softmax(-1)[0]


def check(top: tuple[tuple[str, float], ...], wanted: Tensor) -> None:
    for label, probability in top:
        assert probability == pytest.approx(float(wanted[CIFAR10_CLASSES.index(label)]), abs=1e-5)


def test_surgery_is_the_forward_in_which_patches_are_masked(engine: Engine, result: Result, net: Net) -> None:
    gone = [patch for patch in range(64) if patch not in result.analysis.kept[0]]
    keep, drop = gone[:3], [*result.analysis.kept[-1][:4], gone[5]]
    found = result.lab.operate(keep=keep, drop=drop)
    sets = tuple(
        tuple(sorted((set(stage) | set(keep)) - set(drop))) for stage in (range(64), *result.analysis.kept)
    )
    wanted = mask_patches(net, sets)
    check(found.after, wanted)
    assert [label for label, _ in found.after] == [
        CIFAR10_CLASSES[index] for index in wanted.argsort(descending=True)[:5].tolist()
    ]
    assert found.tokens == tuple(len(ids) for ids in sets) == (59, 43, 30, 20)
    check(found.before, mask_patches(net, (tuple(range(64)), *result.analysis.kept)))
    assert [label for label, _ in found.before] == [label for label, _ in found.after]
    assert max(abs(a - b) for (_, a), (_, b) in zip(found.before, found.after, strict=True)) > 0.001


def test_surgery_without_pruning_and_with_nothing_forced(engine: Engine, net: Net) -> None:
    result = engine.open(Request(draw_picture(), MODEL, 0.0))
    untouched = result.lab.operate()
    assert untouched.tokens == (64,)
    assert untouched.macs == result.analysis.dense.macs
    check(
        untouched.after,
        torch.tensor([dict(untouched.before).get(c, 0) for c in CIFAR10_CLASSES]),
    )
    check(result.lab.operate(drop=range(1, 64)).after, mask_patches(net, ((0,),)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"keep": [64]}, "from 0 to 63"),
        ({"drop": [-1]}, "from 0 to 63"),
        ({"keep": [3, 5], "drop": [5]}, "patch 5 cannot be kept and dropped"),
        ({"drop": range(64)}, "at least one patch"),
    ],
)
def test_surgery_names_what_is_wrong(engine: Engine, result: Result, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        result.lab.operate(**options)


@pytest.mark.parametrize("key", [MODEL, "vit_cifar10"])
@torch.no_grad()
def test_an_adaptive_budget_and_the_ratio_of_nearest_cost(engine: Engine, models: Path, key: str) -> None:
    opened, (model, pixels) = (
        engine.open(Request(draw_picture(), key, 0.3)),
        load_directly(models, key, draw_picture()),
    )
    result = opened.lab.adaptive(1.0)
    config = MODELS[key].config
    assert result.selector == opened.analysis.selector
    kept = result.adaptive.tokens
    assert kept[0] == 64 > kept[-1] == len(result.adaptive.kept)
    assert result.adaptive.macs == cost.macs(config, tokens=kept)
    costs = {p: cost.macs(config, keep_ratio=round(1 - p / 100, 2)) for p in range(91)}
    gap = abs(result.fixed.macs - result.adaptive.macs)
    assert gap == min(abs(macs - result.adaptive.macs) for macs in costs.values())
    assert result.fixed.macs == costs[round(100 * result.pruning_ratio)]
    selector = make_selector(result.selector, model=model, pixels=pixels)
    rule = FixedRatio(round(1 - result.pruning_ratio, 2))
    check(result.fixed.top, model(pixels, pruning=Pruning(selector, rule)).softmax(-1)[0])
    if isinstance(model, DynamicViT):  # stage 1 by hand
        scores: list[Tensor] = []

        def spy(x: Tensor, policy: Tensor | None, stage: object) -> Tensor:
            scores.append(Learned(model)(x, policy, stage))  # type: ignore[arg-type]
            return scores[-1]

        model(pixels, pruning=Pruning(spy, FixedRatio(1.0)))
        weights = scores[0][0].double().exp()
        assert kept[1] == int((weights >= weights.mean()).sum())


def test_controls_fall_back_to_the_best_selector_for_a_threshold(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), MODEL, 0.3, "random"))
    assert result.lab.adaptive(0.5).selector == "learned"
    everything = result.lab.adaptive(0.0)
    assert everything.adaptive.tokens == (64, 64, 64, 64) == everything.fixed.tokens
    with pytest.raises(ValueError, match="threshold"):
        result.lab.adaptive(-1.0)


def test_films_show_the_stages_and_run_nothing(engine: Engine, result: Result) -> None:
    before = engine.forwards
    strip, data = result.lab.film(), result.lab.animation()
    assert strip.width == 4 * 448 + 3 * 12
    with Image.open(io.BytesIO(data)) as gif:
        assert getattr(gif, "n_frames", 1) == 4
        assert gif.width == 448
    assert len(data) < 10**6
    grid, stages = result.lab.drop_stages()
    assert grid == (8, 8)
    for number, ids in enumerate(result.analysis.kept, start=1):
        assert tuple(patch for patch in range(64) if stages[patch] == 0 or stages[patch] > number) == ids
    kept = result.lab.kept_figure(result.analysis.kept[0])
    assert kept.tobytes() == result.tokens.kept_figures()[1][0].tobytes()
    assert engine.forwards == before
    for film in (result.lab.film, result.lab.animation):
        assert film() != film("example.org"), "the address is in it"


def test_results_are_plain(engine: Engine, result: Result) -> None:
    surgery, small = result.lab.operate(), result.lab.smallest_set()
    assert isinstance(surgery, Surgery)
    assert isinstance(small, SmallestSet)
    assert {type(value) for value in vars(small).values()} == {str, float, tuple, bool, int}
