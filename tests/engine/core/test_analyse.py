"""What an analysis says, against the bare network; and what it does not do twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests.engine.bundle import KEYS, draw_picture, load_directly, record_traces
from vitdemo import cost
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.decode import BadImage
from vitdemo.engine import Engine, Expired, Request
from vitdemo.engine.core import analyse
from vitdemo.engine.core.pool import DECODERS
from vitdemo.limits import Limits
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import SELECTORS, make_selector
from vitdemo.registry import MODELS


@pytest.mark.parametrize("key", KEYS)
@torch.no_grad()
def test_probabilities_are_the_softmax_of_the_bare_network(engine: Engine, models: Path, key: str) -> None:
    image = draw_picture()
    result = engine.open(Request(image, key, 0.5))

    model, pixels = load_directly(models, key, image)
    best = "learned" if key == "dynamicvit_cifar10" else "class-attention"
    pruning = Pruning(make_selector(best, model=model, pixels=pixels), FixedRatio(0.5))
    assert result.analysis.selector == best
    assert result.analysis.pruned is not None
    for outcome, logits in (
        (result.analysis.dense, model(pixels)),
        (result.analysis.pruned, model(pixels, pruning=pruning)),
    ):
        wanted = logits.softmax(-1)[0]
        labels = [CIFAR10_CLASSES[i] for i in wanted.argsort(descending=True)[:5]]
        assert [label for label, _ in outcome.top] == labels
        found = torch.tensor([probability for _, probability in outcome.top])
        torch.testing.assert_close(found, wanted.sort(descending=True).values[:5], atol=1e-5, rtol=0)


@pytest.mark.parametrize("selector", SELECTORS)
def test_kept_patches_are_those_of_the_trace(engine: Engine, models: Path, selector: str) -> None:
    result = engine.open(Request(draw_picture(), "dynamicvit_cifar10", 0.3, selector))
    _, pruned = record_traces(models, "dynamicvit_cifar10", draw_picture(), keep_ratio=0.7, selector=selector)
    assert result.analysis.kept == tuple(tuple(ids.tolist()) for ids in pruned.kept)
    assert result.analysis.pruned is not None
    assert (
        result.analysis.pruned.tokens == (64, 44, 31, 21) == engine.token_counts(result.analysis.model, 0.3)
    )


def test_costs_are_those_of_the_config_and_measured(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), pruning_ratio=0.3))
    config = MODELS[result.analysis.model].config
    assert result.analysis.pruned is not None
    assert (result.analysis.dense.macs, result.analysis.pruned.macs) == (
        cost.macs(config),
        cost.macs(config, keep_ratio=0.7),
    )
    for time in result.times():
        assert time is not None
        assert 0 < time.low <= time.milliseconds <= time.high
        assert time.n >= 5


def test_nothing_is_pruned_at_ratio_0(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), "vit_cifar10", 0.0, "random"))
    assert (result.analysis.pruned, result.analysis.kept, result.analysis.selector) == (None, (), "")
    assert result.analysis.dense.tokens == (64,) == engine.token_counts("vit_cifar10", 0.0)
    assert engine.open(Request(draw_picture(), "vit_cifar10", 0.0)).key == result.key


def test_an_equal_request_runs_nothing(engine: Engine) -> None:
    first = engine.open(Request(draw_picture())).analysis
    count = engine.forwards
    assert count == 2
    assert engine.open(Request(draw_picture())).analysis is first
    assert engine.forwards == count


def test_a_setting_is_measured_once(engine: Engine) -> None:
    times = engine.open(Request(draw_picture(0))).times()
    count = engine.forwards
    other = engine.open(Request(draw_picture(1)))
    assert engine.find_times(other.analysis) == times == other.times()
    assert engine.forwards == count + 2, "another picture needs its two recorded passes and nothing else"


def test_every_part_of_a_request_changes_the_key(engine: Engine, models: Path) -> None:
    request = Request(draw_picture())
    others = (
        replace(request, image=draw_picture(1)),
        replace(request, pruning_ratio=0.31),
        replace(request, selector="random"),
        replace(request, model="vit_cifar10"),
    )
    keys = {engine.open(each).key for each in (request, *others)}
    assert len(keys) == 5
    stranger = Engine(device="cpu", models_dir=models)
    assert stranger.open(request).key not in keys, "a process draws its own secret"


def test_an_evicted_result_is_expired_until_it_is_analysed_again(models: Path) -> None:
    engine = Engine(device="cpu", models_dir=models, limits=Limits(result_megabytes=1e-6))
    first = engine.open(Request(draw_picture(0)))
    engine.recall(first.key).tokens.kept_figures()
    engine.open(Request(draw_picture(1)))
    assert not engine.has(first.key)
    assert first.tokens.kept_figures(), "who holds a result loses nothing"
    with pytest.raises(Expired, match="choose the picture again") as caught:
        engine.recall(first.key)
    assert caught.value.key == first.key
    assert engine.open(Request(draw_picture(0))).key == first.key
    engine.recall(first.key).tokens.kept_figures()


@pytest.mark.parametrize(
    ("request_for", "message"),
    [
        ({"model": "resnet"}, "model must be one of dynamicvit_cifar10, vit_cifar10, .* got 'resnet'"),
        ({"selector": "best"}, f"selector must be one of {', '.join(SELECTORS)} for .* got 'best'"),
        (
            {"model": "vit_cifar10", "selector": "learned"},
            f"selector must be one of {', '.join(name for name in SELECTORS if name != 'learned')} for",
        ),
        ({"reduction": "melt"}, "reduction must be one of drop, fuse, merge, tome, got 'melt'"),
        ({"reduction": "", "pruning_ratio": 0.0}, "reduction must be one of"),
        ({"pruning_ratio": 0.95}, "pruning_ratio must be from 0 to 0.9, got 0.95"),
        ({"pruning_ratio": -0.1}, "pruning_ratio"),
        ({"pruning_ratio": float("nan")}, "pruning_ratio"),
    ],
)
def test_bad_options_are_named_before_anything_runs(engine: Engine, request_for: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engine.open(Request(draw_picture(), **request_for))
    assert engine.forwards == 0


def test_a_bad_image_is_named(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("not a picture")
    with pytest.raises(BadImage, match=r"note\.png"):
        engine.open(Request(tmp_path / "note.png"))
    assert engine.forwards == 0


def test_progress_rises_to_1(engine: Engine) -> None:
    shares: list[float] = []
    engine.open(Request(draw_picture()), progress=lambda share, text: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_menu_starts_with_the_bundled_models_and_describes_without_loading() -> None:
    engine = Engine(device="cpu", models_dir=Path("nowhere"))
    keys = [key for _, key in engine.networks.menu()]
    assert set(keys[:3]) == set(KEYS)
    assert set(keys) == {key for key, spec in MODELS.items() if not spec.optional}
    titles = {key: title for title, key in engine.networks.menu()}
    assert titles["deit_tiny"].endswith(" · ↓ 23 MB")  # 5.7 million numbers
    assert "↓" not in titles["vit_cifar10"]
    info = engine.info("deit_tiny")
    assert (info.layers, info.heads, info.grid, info.num_patches) == (12, 3, (14, 14), 196)
    assert info.prune_loc == (3, 6, 9)
    assert "learned" not in info.selectors
    assert info.parameters == 5_717_416, "timm's count of deit_tiny_patch16_224"
    assert engine.info("dynamicvit_cifar10").selectors[0] == "learned"


def test_a_known_result_waits_for_nobody(engine: Engine) -> None:
    request = Request(draw_picture(), pruning_ratio=0.3)
    first = engine.open(request).analysis
    with ThreadPoolExecutor() as other, engine._pool.compute.turn():  # as while maps are judged
        assert other.submit(engine.open, request).result(timeout=30).analysis is first


def test_a_picture_is_resized_in_the_turn_of_those_that_are_decoded(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take as much memory, and is bounded by the limits of the engine."""
    engine, taken = Engine(device="cpu", models_dir=models, limits=Limits(resize_megapixels=1)), []
    resize = analyse.preprocess

    def noted(*arguments: Any, **options: Any) -> Any:
        taken.append(DECODERS - engine._pool.decoding._free)
        return resize(*arguments, **options)

    monkeypatch.setattr(analyse, "preprocess", noted)
    engine.open(Request(draw_picture()))
    assert engine.find(Request(draw_picture())) is not None
    assert taken == [1, 1]
    with pytest.raises(ValueError, match="The shape of this picture, 700 × 35000, is too far"):
        engine.open(Request(Image.new("RGB", (700, 35_000))))
