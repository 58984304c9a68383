"""Patches fused and merged, as they are asked for: what comes back is the bare network's own."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.answers.test_payload import unpack
from tests.engine.bundle import draw_picture, load_directly
from tests.small_bundle import write_small_models
from vitdemo import cost, render
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Look, Request, Result
from vitdemo.engine.answers import share
from vitdemo.engine.answers.ratios import step_of
from vitdemo.maps import explain
from vitdemo.models import DynamicViT
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.reductions import REDUCTIONS
from vitdemo.models.selectors import Learned
from vitdemo.recording import record
from vitdemo.trace import Trace

MODEL = "dynamicvit_cifar10"
MERGING = [key for key in REDUCTIONS if key != "drop"]
ASKED = Request(draw_picture(), MODEL, 0.4)
FROG = CIFAR10_CLASSES.index("frog")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_models(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return Engine(device="cpu", models_dir=folder)


@cache
def record_by_hand(folder: Path, reduction: str) -> Trace:
    """Return the same pass without the engine, with the gradients of a class."""
    model, pixels = load_directly(folder, MODEL, draw_picture())
    assert isinstance(model, DynamicViT)
    pruning = Pruning(None if reduction == "tome" else Learned(model), FixedRatio(0.6), reduction)
    return record(model, pixels, pruning=pruning, target=FROG, grads=True)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_answer_tokens_and_macs_are_those_of_the_bare_network(
    engine: Engine, folder: Path, reduction: str
) -> None:
    analysis = engine.open(replace(ASKED, reduction=reduction)).analysis
    trace = record_by_hand(folder, reduction)
    assert (analysis.reduction, analysis.selector) == (reduction, "" if reduction == "tome" else "learned")
    assert analysis.pruned is not None
    assert analysis.kept == tuple(tuple(ids.tolist()) for ids in trace.kept)
    assert analysis.pruned.tokens == (16, 9, 5, 3)
    assert trace.logits is not None
    wanted: dict[str, float] = dict(zip(CIFAR10_CLASSES, trace.logits.softmax(0).tolist(), strict=True))
    for name, probability in analysis.pruned.top:
        assert probability == pytest.approx(wanted[name], abs=1e-5)
    config = load_directly(folder, MODEL, draw_picture())[0].config
    assert analysis.pruned.macs == cost.macs(config, keep_ratio=0.6, reduction=reduction)


def test_each_has_a_result_of_its_own_and_none_where_nothing_is_pruned(engine: Engine) -> None:
    requests = [replace(ASKED, reduction=reduction) for reduction in REDUCTIONS]
    results = [engine.open(request) for request in requests]
    assert len({result.key for result in results}) == 4
    assert len({result.analysis.picture for result in results}) == 1
    assert len({result.analysis.pruned and result.analysis.pruned.macs for result in results}) == 4
    dense = {engine.open(replace(request, pruning_ratio=0.0)).key for request in requests}
    assert len(dense) == 1
    merged = replace(ASKED, reduction="tome", selector="random")
    assert engine.open(merged).key == results[-1].key, "no selector is asked"
    assert engine.open(replace(merged, reduction="merge")).key != results[2].key


@pytest.mark.parametrize("reduction", MERGING)
def test_maps_of_a_class_and_of_attention_are_those_of_the_merged_pass(
    engine: Engine, folder: Path, reduction: str
) -> None:
    result, trace = engine.open(replace(ASKED, reduction=reduction)), record_by_hand(folder, reduction)
    for method in ("gradient-rollout", "chefer"):
        found = np.array(result.class_map("frog", method=method).values, float)
        np.testing.assert_allclose(found, explain(trace, method), atol=1e-5)
        assert np.isfinite(found).all(), "no patch is gone"
    found = np.array(result.attention(Look()).values, float)
    np.testing.assert_allclose(found, explain(trace, Look().method), atol=1e-5)


@pytest.mark.parametrize("reduction", MERGING)
def test_every_ratio_is_run_as_its_own_request_would_be(engine: Engine, reduction: str) -> None:
    result = engine.open(replace(ASKED, reduction=reduction))
    steps = result.ratio_steps("", reduction)
    assert steps[40] == step_of(result.analysis)
    assert steps is not result.ratio_steps("")
    other = engine.open(replace(ASKED, pruning_ratio=0.7, reduction=reduction)).analysis
    found, wanted = steps[70], step_of(other)
    assert (found.tokens, found.stages) == (wanted.tokens, wanted.stages)
    assert dict(found.top) == pytest.approx(dict(wanted.top), abs=1e-5)


@pytest.mark.parametrize("reduction", MERGING)
def test_the_files_say_how_tokens_were_made(engine: Engine, folder: Path, reduction: str) -> None:
    trace = record_by_hand(folder, reduction)
    record = engine.open(replace(ASKED, reduction=reduction)).export(Look())
    facts = json.loads(record.to_json())
    assert facts["reduction"] == reduction
    assert facts["selector"] == (None if reduction == "tome" else "learned")
    with np.load(io.BytesIO(record.to_npz())) as file:
        arrays = dict(file)
    assert [name for name in arrays if "_mix_" in name] == [f"pruned_mix_{layer:02d}" for layer in (1, 2, 3)]
    for layer, mix in enumerate(trace.mixes):
        if mix is not None:
            np.testing.assert_allclose(arrays[f"pruned_mix_{layer:02d}"], mix, atol=1e-5)
    assert ("keep_score_0" in arrays) == (reduction != "tome")
    assert facts["arrays"]["pruned_mix_01"]["meaning"].endswith(".")


def test_pictures_say_that_patches_went_into_tokens(engine: Engine) -> None:
    merged, dropped = (engine.open(replace(ASKED, reduction=one)) for one in ("merge", "drop"))
    assert [str(words) for _, words in merged.tokens.kept_figures()][1:] == [
        f"Stage {stage}: 16 patches in {left} tokens" for stage, left in enumerate((9, 5, 3), start=1)
    ]
    assert share.left(merged._entry) == "16 patches in 3 tokens"
    assert share.left(dropped._entry) == "3 of 16 patches"
    tome = engine.open(replace(ASKED, reduction="tome"))
    assert tome.tokens.score_figures() == []
    assert len(merged.tokens.score_figures()) == 3
    for result, words in ((merged, "joins the one that stays"), (tome, "no selector is asked. The pairs")):
        (text,) = (step.text for step in result.inside.walk() if step.title == "Token pruning")
        assert words in text


@pytest.mark.parametrize("reduction", MERGING)
def test_a_merged_patch_has_the_features_of_its_token(engine: Engine, folder: Path, reduction: str) -> None:
    result, trace = engine.open(replace(ASKED, reduction=reduction)), record_by_hand(folder, reduction)
    sent = json.loads(result.features())["passes"]["pruned"]
    assert sent["counts"] == [16] * len(trace.attn), "each patch is in some token"
    norms = unpack(sent["norms"], "<f4").reshape(-1, 16)
    directions = unpack(json.loads(result.features_layer(pass_="pruned", layer=2))["directions"], "<f2")
    for layer in (0, 2):
        for patch in range(16):
            row = (trace.sources(layer)[:, patch + trace.num_prefix_tokens] > 0).int().argmax()
            assert norms[layer, patch] == pytest.approx(float(trace.token_norms[layer][row]), rel=1e-4)
            mine = directions.reshape(16, -1)[patch]
            if layer == 2:
                np.testing.assert_allclose(mine, trace.directions[2][row], atol=2e-3)


def test_pictures_show_the_parts_of_each_token(engine: Engine, folder: Path) -> None:
    result, trace = engine.open(replace(ASKED, reduction="merge")), record_by_hand(folder, "merge")
    whole = np.asarray(result.tokens.kept_figures()[0][0]).reshape(4, 112, 4, 112, 3).swapaxes(1, 2)
    shown = np.asarray(result.tokens.kept_figures()[2][0]).reshape(4, 112, 4, 112, 3).swapaxes(1, 2)
    whole, shown = (one.reshape(16, 112, 112, 3).astype(float) for one in (whole, shown))
    parts = trace.sources(2)[:, trace.num_prefix_tokens :] > 0
    for members in (row.nonzero()[:, 0].tolist() for row in parts[trace.num_prefix_tokens :]):
        mean = whole[members].mean(axis=(0, 1, 2))
        for patch in members:
            wanted = whole[patch] if len(members) == 1 else np.broadcast_to(mean, (112, 112, 3))
            assert np.abs(shown[patch] - wanted)[2:-2, 2:-2].max() <= 0.5 + 1e-9  # apart from the lines
    dropped = engine.open(ASKED)
    cards = [share.card(one._entry, "").tobytes() for one in (result, dropped)]
    assert cards[0] != cards[1]
    same_stages = render.stage_of_drop(result.analysis.kept, (4, 4))
    plain = render.draw_lifetimes(result.analysis.view, same_stages, stages=3)
    shown_lives = np.asarray(result.tokens.lifetime_figure())
    assert not np.array_equal(shown_lives, np.asarray(plain)), "the legend says that they merged"


def test_patches_that_merge_cannot_be_forced(engine: Engine) -> None:
    with pytest.raises(ValueError, match="only where the others are dropped"):
        engine.open(replace(ASKED, reduction="fuse")).lab.operate(drop=[1])


def test_times_are_those_of_the_reduction(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    result = engine.open(replace(ASKED, pruning_ratio=0.5, reduction="tome"))
    assert run_times(result, monkeypatch) == ["tome"]


def run_times(result: Result, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the reductions of the passes that are timed."""
    seen: list[str] = []
    model = result._subject.loaded.model
    forward = type(model).forward

    def spy(self: object, x: torch.Tensor, **options: object) -> torch.Tensor:
        if (pruning := options.get("pruning")) is not None:
            seen.append(pruning.reduction)  # type: ignore[attr-defined]
        return forward(self, x, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(model), "forward", spy)
    result.times()
    return sorted(set(seen))
