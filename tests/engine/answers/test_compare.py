"""Two sides: the numbers of two analyses, one scale, a rank correlation worked out another way."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.bundle import draw_picture, load_directly
from tests.models.nets import make_small
from tests.small_bundle import write_small_models
from vitdemo.config import PruneConfig
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Request
from vitdemo.engine.answers.compare import FEWEST
from vitdemo.limits import Limits
from vitdemo.maps import ATTENTION_METHODS, explain
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_selector
from vitdemo.recording import record
from vitdemo.registry import MODELS
from vitdemo.render import Scale, draw_kept, draw_overlay
from vitdemo.trace import Trace
from vitdemo.weights import save_model

FINE, OTHERS = "lightvit_cifar10", ("boat", "cat", "kite")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of 16 patches and ten classes, and one of 64 patches and three other classes."""
    folder = write_small_models(tmp_path_factory.mktemp("models"))
    torch.manual_seed(5)
    model = make_small(img_size=32, patch_size=4, num_classes=len(OTHERS))
    save_model(folder / FINE, model=model, name=FINE, data=MODELS[FINE].data, classes=OTHERS)
    return folder


@pytest.fixture(scope="module")
def engine(models: Path) -> Engine:
    return Engine(device="cpu", models_dir=models)


@pytest.fixture
def a() -> Request:
    return Request(draw_picture(1), "dynamicvit_cifar10", 0.2)


@pytest.fixture
def b() -> Request:
    return Request(draw_picture(1), "vit_cifar10", 0.3, "random")


def run_bare(models: Path, request: Request) -> Trace:
    """Return the pass that answers, without the engine."""
    assert isinstance(request.image, Image.Image)
    model, pixels = load_directly(models, request.model, request.image)
    if not request.pruning_ratio:
        return record(model, pixels)
    chosen = make_selector(request.selector or "learned", model=model, pixels=pixels)
    return record(model, pixels, pruning=Pruning(chosen, FixedRatio(1 - request.pruning_ratio)))


def compute_spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Return Spearman's correlation from its definition, ranks counted pair by pair.

    It is Pearson's correlation of (number of smaller values + half the number of equal ones).
    """
    ranks = [
        np.array([sum(other < one for other in v) + sum(other == one for other in v) / 2 for one in v])
        for v in (x, y)
    ]
    return float(np.corrcoef(np.stack(ranks))[0, 1])


def test_the_sides_are_two_analyses_and_the_bare_networks(
    engine: Engine, models: Path, a: Request, b: Request
) -> None:
    found = engine.compare(a, b)
    expected: dict[str, float] = {}
    logits = []
    for side, request in zip((found.a, found.b), (a, b), strict=True):
        result = engine.open(request)
        assert side.analysis is result.analysis
        assert side.outcome is result.analysis.pruned
        trace = run_bare(models, request)
        assert trace.logits is not None
        logits.append(trace.logits.softmax(-1).tolist())
        best = sorted(zip(logits[-1], CIFAR10_CLASSES, strict=True), reverse=True)[:5]
        expected |= {label: max(share, expected.get(label, 0)) for share, label in best}
        kept = draw_kept(result.analysis.view, trace.kept[-1].numpy(), trace.grid)
        assert side.kept_figure.tobytes() == kept.tobytes()
    assert list(found.labels) == sorted(expected, key=lambda label: -expected[label])
    indices = [CIFAR10_CLASSES.index(label) for label in found.labels]
    for side, shares in zip((found.a, found.b), logits, strict=True):
        assert side.probabilities == pytest.approx([shares[index] for index in indices], abs=1e-5)
    assert found.a.probabilities != pytest.approx(found.b.probabilities, abs=1e-3)


@pytest.mark.parametrize("method", ATTENTION_METHODS)
def test_one_scale_and_the_rank_correlation(
    engine: Engine, models: Path, a: Request, b: Request, method: str
) -> None:
    found = engine.compare(a, b, method=method)
    traces = [run_bare(models, request) for request in (a, b)]
    heats = [explain(trace, method) * 16 for trace in traces]
    assert found.peak == pytest.approx(np.nanpercentile(np.stack(heats), 99), rel=1e-4)
    ends = [np.nanpercentile(heat, 99) for heat in heats]
    assert min(ends) < 0.999 * found.peak  # a scale of its own would show
    scale = Scale(0.0, found.peak, "")
    for side, heat, trace in zip((found.a, found.b), heats, traces, strict=True):
        gone = np.isin(np.arange(heat.size), trace.patch_ids(-1), invert=True).reshape(heat.shape)
        drawn = np.asarray(draw_overlay(side.analysis.view, heat, scale=scale, gone=gone)).astype(int)
        assert np.abs(drawn - np.asarray(side.heat_figure)).max() <= 2  # rounding of a colour
    present = ~np.isnan(heats[0]) & ~np.isnan(heats[1])
    assert found.patches == present.sum()
    if present.sum() < FEWEST:  # the last layers of two networks may share few
        assert (found.agreement, found.obstacle) == (None, "few")
    else:
        expected = compute_spearman(heats[0][present], heats[1][present])
        assert (found.agreement, found.obstacle) == (pytest.approx(expected, abs=1e-4), "")
    assert found.a.heat_figure.tobytes() != found.b.heat_figure.tobytes()


def test_against_itself_the_agreement_is_one(engine: Engine, a: Request) -> None:
    found = engine.compare(a, a)
    assert found.agreement == pytest.approx(1)
    assert found.a.probabilities == found.b.probabilities
    assert found.a.heat_figure.tobytes() == found.b.heat_figure.tobytes()


def test_pruned_against_dense_of_one_model(engine: Engine, a: Request) -> None:
    dense = Request(a.image, a.model, 0.0)
    found = engine.compare(a, dense)
    assert (found.a.outcome.tokens, found.b.outcome.tokens) == ((16, 12, 10, 8), (16,))
    assert found.a.outcome.macs < found.b.outcome.macs
    assert found.b.outcome is engine.open(dense).analysis.dense
    assert found.b.kept_figure.tobytes() == found.b.analysis.view.convert("RGB").tobytes()
    assert engine.compare(a, dense, method="raw-attention").patches == 8  # the last layer of A has no others
    hardly = Request(a.image, a.model, 0.5)
    few = engine.compare(hardly, dense, method="raw-attention")
    assert (few.agreement, few.patches, few.obstacle) == (None, 2, "few")


def test_a_second_look_runs_nothing(engine: Engine, a: Request, b: Request) -> None:
    engine.compare(a, b)
    before = engine.forwards
    for first, second in combinations((a, b, a), 2):
        engine.compare(first, second, method="head-rollout")
    assert engine.forwards == before
    assert before > 0


def test_a_cache_of_one_result_is_enough(models: Path, a: Request, b: Request) -> None:
    tiny, told = Engine(device="cpu", models_dir=models, limits=Limits(result_megabytes=1e-6)), []
    found = tiny.compare(a, b, progress=lambda share, text: told.append(share))
    assert found.a.analysis.model != found.b.analysis.model
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)


def test_other_grids_and_other_classes(engine: Engine, models: Path, a: Request) -> None:
    fine = Request(a.image, FINE, 0.0)
    found = engine.compare(a, fine)
    assert (found.agreement, found.patches, found.obstacle) == (None, 0, "grid")
    assert (found.a.grid, found.b.grid) == ((4, 4), (8, 8))
    assert set(OTHERS) < set(found.labels)
    for label, p, q in zip(found.labels, found.a.probabilities, found.b.probabilities, strict=True):
        assert (p is None) == (label not in CIFAR10_CLASSES)
        assert (q is None) == (label not in OTHERS)
    assert sum(q for q in found.b.probabilities if q is not None) == pytest.approx(1, abs=1e-5)
    heats = [explain(run_bare(models, one), "attention-rollout") for one in (a, fine)]
    shares = np.concatenate([heat.ravel() * heat.size for heat in heats])
    assert found.peak == pytest.approx(np.percentile(shares, 99), rel=1e-4)


def test_another_crop_is_no_place_to_place_comparison(tmp_path: Path, a: Request) -> None:
    folder = write_small_models(tmp_path)
    data = MODELS["vit_cifar10"].data
    torch.manual_seed(0)
    model = make_small(img_size=32, patch_size=8, num_classes=10, prune=PruneConfig((1, 2, 3)))
    cropped = type(data)(data.dataset, 32, data.mean, data.std, crop_pct=0.8)
    save_model(folder / "vit_cifar10", model=model, name="vit_cifar10", data=cropped, classes=CIFAR10_CLASSES)
    found = Engine(device="cpu", models_dir=folder).compare(a, Request(a.image, "vit_cifar10"))
    assert (found.agreement, found.obstacle) == (None, "crop")


def test_the_contrast_is_another_bundled_model_or_the_other_ratio(engine: Engine, a: Request) -> None:
    learned = Request(a.image, a.model, 0.2, "learned")  # which the other model does not have
    assert engine.contrast(learned) == Request(a.image, "vit_cifar10", 0.2)
    hub = Request(a.image, "deit_tiny", 0.5, "class-attention")
    assert engine.contrast(hub) == Request(a.image, "deit_tiny", 0.0, "class-attention")
    dense = Request(a.image, "deit_tiny", 0.0)
    assert engine.contrast(dense) == Request(a.image, "deit_tiny", 0.3)


def test_what_cannot_be_compared_is_told(engine: Engine, a: Request) -> None:
    with pytest.raises(ValueError, match="same picture"):
        engine.compare(a, Request(draw_picture(2), a.model))
    with pytest.raises(ValueError, match=r"method must be one of .*, got 'chefer'"):
        engine.compare(a, a, method="chefer")
    with pytest.raises(ValueError, match="model must be one of"):
        engine.compare(a, Request(a.image, "no_such_model"))
