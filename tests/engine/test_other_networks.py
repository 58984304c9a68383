"""Networks of other kinds through the engine: several classes a picture, one channel, no head at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.engine.bundle import draw_picture
from tests.models.nets import VARIANTS, make_small, make_small_dynamic
from vitdemo import predict
from vitdemo.config import DataConfig
from vitdemo.data import preprocess
from vitdemo.engine import Engine, Look, Request, Result
from vitdemo.engine.answers import sanity
from vitdemo.faithfulness import class_trace
from vitdemo.maps import explain
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Explicit, FixedRatio, Pruning
from vitdemo.models.selectors import make_selector, make_threshold
from vitdemo.recording import record
from vitdemo.registry import MODELS
from vitdemo.weights import save_model

WORDS = ("cat", "dog", "grass", "sky", "water")
DATA = DataConfig("", 16, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
GREY = DataConfig("", 16, (0.4,), (0.2,))
RATIO, THRESHOLD = 0.5, 0.4


def serve_model(folder: Path, model: VisionTransformer, data: DataConfig) -> Engine:
    """Return an engine that serves `model` under the name of its folder."""
    classes = WORDS[: model.config.num_classes]
    save_model(folder, model=model, name="other", data=data, classes=classes)
    return Engine(device="cpu", extra_models=[str(folder)])


def open_result(folder: Path, model: VisionTransformer, data: DataConfig) -> tuple[Result, Tensor]:
    result = serve_model(folder, model, data).open(Request(draw_picture(), str(folder), RATIO))
    return result, preprocess(draw_picture(), config=data).pixels


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A network of which each logit is a yes or no: result, pixels, model."""
    torch.manual_seed(0)
    model = make_small_dynamic(multi_label=True)
    return *open_result(tmp_path_factory.mktemp("several"), model, DATA), model


@torch.no_grad()
def compute_yes(
    model: VisionTransformer, pixels: Tensor, rule: Any = None, selector: str = "learned"
) -> Tensor:
    """1 / (1 + exp(-logit)) of each class, by the bare network."""
    chosen = None if isinstance(rule, Explicit) else make_selector(selector, model=model, pixels=pixels)
    logits = model(pixels, pruning=None if rule is None else Pruning(chosen, rule))[0].double()
    return 1 / (1 + torch.exp(-logits))


def assert_same(found: Any, wanted: Tensor) -> None:
    """A list of (label, probability) against the probabilities of all classes; they need not sum to 1."""
    shown = dict(found)
    assert shown == pytest.approx({name: float(wanted[WORDS.index(name)]) for name in shown}, abs=1e-5)


def test_each_class_stands_for_itself(several: Any) -> None:
    result, pixels, model = several
    analysis = result.analysis
    assert_same(analysis.dense.top, compute_yes(model, pixels))
    assert_same(analysis.pruned.top, compute_yes(model, pixels, FixedRatio(RATIO)))
    assert len(analysis.dense.top) == len(WORDS)
    assert abs(sum(share for _, share in analysis.dense.top) - 1) > 0.1
    record = result.export(Look())
    facts = record.facts
    np.testing.assert_allclose(record.arrays["dense_probabilities"], compute_yes(model, pixels), atol=1e-5)
    assert_same(
        [(row["class"], row["probability"]) for row in facts["dense"]["probabilities"]],
        compute_yes(model, pixels),
    )
    assert "a sigmoid turns each" in result.inside.walk()[-1].text


def test_the_laboratory_and_trust_show_the_same_probabilities(several: Any) -> None:
    result, pixels, model = several
    analysis = result.analysis
    kept = result.lab.operate(drop=[3])
    stages = [sorted(set(ids) - {3}) for ids in (range(16), *analysis.kept)]
    rule = Explicit(tuple(torch.tensor(ids) for ids in stages))
    assert_same(kept.before, compute_yes(model, pixels, FixedRatio(RATIO)))
    assert_same(kept.after, compute_yes(model, pixels, rule))
    adaptive = result.lab.adaptive(THRESHOLD)
    assert_same(adaptive.adaptive.top, compute_yes(model, pixels, make_threshold("learned", THRESHOLD)))
    sweep = result.lab.sweep()
    assert_same(zip(sweep.labels, sweep.curves[0].probabilities[0], strict=True), compute_yes(model, pixels))
    label = analysis.pruned.top[0][0]
    trust = result.trust(label)
    whole = float(compute_yes(model, pixels)[WORDS.index(label)])
    assert trust.random_mean[-1] == pytest.approx(whole, abs=1e-5)
    assert trust.label == label
    smallest = result.lab.smallest_set()
    dense = compute_yes(model, pixels)
    alone = compute_yes(model, pixels, Explicit((torch.tensor(smallest.kept),)))
    assert smallest.dense == pytest.approx(float(dense.max()), abs=1e-5)
    assert smallest.probability == pytest.approx(float(alone[int(dense.argmax())]), abs=1e-5)
    assert class_trace(model, pixels).target == int(dense.argmax())


def test_one_channel_is_seen_and_drawn_in_grey(tmp_path: Path) -> None:
    model = make_small(in_chans=1)
    result, pixels = open_result(tmp_path, model, GREY)
    assert pixels.shape == (1, 1, 16, 16)
    grey = draw_picture().convert("L")
    short = grey.resize((24, 16), Image.Resampling.BICUBIC).crop((4, 0, 20, 16))
    torch.testing.assert_close(pixels[0, 0], (torch.tensor(np.array(short)) / 255 - 0.4) / 0.2)
    with torch.no_grad():
        wanted = model(pixels)[0].softmax(-1)
    assert_same(result.analysis.dense.top, wanted)
    assert len(set(map(tuple, np.asarray(result.analysis.view).reshape(-1, 3)[:, :2].T))) == 1, "red is green"
    steps = result.inside.walk()
    assert [step.shape for step in steps[1:3]] == ["(1, 16, 16)", "(16, 16)"]
    assert result.classes()
    assert result.trust().candidates


def test_a_network_without_words_shows_all_that_it_has(tmp_path: Path) -> None:
    model = make_small_dynamic(num_classes=0)
    result, pixels = open_result(tmp_path, model, DATA)
    analysis = result.analysis
    assert analysis.pruned is not None
    assert analysis.dense.top == analysis.pruned.top == ()
    assert [len(ids) for ids in analysis.kept] == [8, 4, 2]
    pruning = Pruning(make_selector("learned", model=model, pixels=pixels), FixedRatio(RATIO))
    trace = record(model, pixels, pruning=pruning)
    assert [tuple(ids.tolist()) for ids in trace.kept] == list(analysis.kept)
    look = Look()
    numbers = np.array(result.attention(look).values, float)
    np.testing.assert_allclose(numbers, explain(trace, "attention-rollout"), atol=1e-5)
    assert result.classes() == []
    assert result.inside.walk()[-1].title == "Readout"
    assert result.export(look).facts["dense"]["probabilities"] == []
    assert len(result.tokens.kept_figures()) == 4
    assert result.inside.sanity()
    assert result.inside.rank_confidence() is None
    for ask in (result.trust, result.lab.sweep, result.lab.smallest_set, result.lab.operate):
        with pytest.raises(ValueError, match=r"no classes|needs a model with a classification head"):
            ask()
    words = predict.format_outcomes(Path("cat.png"), analysis, result.times())
    assert "This network has no words." in words
    assert "16 -> 8 -> 4 -> 2" in words


READINGS = {
    "attention pooling": "all patch tokens, with weights that attention of its own gives them",
    "class beside mean": "the class token and the mean of the patch tokens, side by side",
    "no last norm, tanh": "After the last block the head reads the class token alone",
    "norms in each branch": "After a last normalisation the head reads the class token alone",
    "pre-norm, quick GELU": "the class token alone",
    "RMSNorm, SwiGLU, no biases": "the class token alone",
    "rotary": "the class token alone",
}


@pytest.mark.parametrize("variant", READINGS)
def test_a_network_of_another_family_goes_through_all_of_the_engine(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By attention of a selector, since such networks come without predictors."""
    monkeypatch.setattr(sanity, "DRAWS", 1)
    model = make_small(**VARIANTS[variant])
    engine = serve_model(tmp_path, model, DATA)
    result = engine.open(Request(draw_picture(), str(tmp_path), RATIO, "class-attention"))
    pixels = preprocess(draw_picture(), config=DATA).pixels
    with torch.no_grad():
        assert_same(result.analysis.dense.top, model(pixels)[0].softmax(-1))
    steps = {str(step.title): step for step in result.inside.walk()}
    assert READINGS[variant] in steps["Readout"].text
    assert ("turned by angles" in steps["Positions"].text) == (model.config.rope is not None)
    assert result.inside.position_figure(0).width
    assert steps["Readout"].shape == f"({model.config.num_features},)"
    pruning = Pruning(make_selector("class-attention", model=model, pixels=pixels), FixedRatio(RATIO))
    trace = record(model, pixels, pruning=pruning)
    numbers = np.array(result.attention(Look()).values, float)
    np.testing.assert_allclose(numbers, explain(trace, "attention-rollout"), atol=1e-5)
    np.testing.assert_allclose(result.export(Look()).arrays["pruned_readout"], trace.readout, atol=1e-6)
    assert result.classes()
    assert result.inside.sanity()
    assert result.inside.ablation("dense")
    assert result.lab.operate(drop=[3]).after
    assert result.trust().candidates


def test_a_wider_network_is_one_that_need_not_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    networks, cached = Engine(device="cpu").networks, {"deit_small", "vit_small_augreg"}
    monkeypatch.setattr(
        "vitdemo.engine.core.networks.is_cached",
        lambda source: source in {MODELS[key].source for key in cached},
    )
    assert networks.find_wider("dynamicvit_cifar10") == "deit_small", "the first of the menu"
    assert networks.find_wider("vit_base_augreg2") is None, "it knows as many"
    cached.clear()
    assert networks.find_wider("dynamicvit_cifar10") is None
    assert (networks.count_words("vit_cifar10"), networks.count_words("deit_tiny")) == (
        10,
        1000,
    )
