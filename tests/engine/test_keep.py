"""The numbers that can be taken away: the same as an independent run gives, and told in plain words."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.bundle import picture, traces
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import AttentionView, Engine, Record, Request
from vitdemo.explain import explain

KEY = "dynamicvit_cifar10"
VIEW = AttentionView(method="head-rollout", layer=3, head=1, fusion="max", discard_ratio=0.2)


def kept(engine: Engine, *, ratio: float = 0.3, view: AttentionView = VIEW) -> Record:
    request = Request(picture(), KEY, ratio, "learned" if ratio else "")
    return engine.keep(engine.analyse(request).key, view, direction="in")


@pytest.fixture
def record(engine: Engine) -> Record:
    return kept(engine)


def test_arrays_are_those_of_an_independent_run(record: Record, models: Path) -> None:
    with np.load(io.BytesIO(record.npz()), allow_pickle=False) as file:
        arrays = dict(file)
    dense, pruned = traces(models, KEY, picture(), keep_ratio=0.7, selector="learned")
    for name, trace in (("dense", dense), ("pruned", pruned)):
        assert trace.logits is not None
        for layer, (attn, ids) in enumerate(zip(trace.attn, trace.token_ids, strict=True)):
            mine = arrays[f"{name}_attention_{layer:02d}"].astype(np.float32)
            np.testing.assert_allclose(mine, attn, atol=1e-3)
            np.testing.assert_allclose(mine.sum(-1), 1, atol=1e-3)
            np.testing.assert_array_equal(arrays[f"{name}_token_ids_{layer:02d}"], ids)
        np.testing.assert_allclose(arrays[f"{name}_logits"], trace.logits, atol=1e-4)
        np.testing.assert_allclose(arrays[f"{name}_probabilities"].sum(), 1, atol=1e-5)
        options = {"layer": 3, "head": 1, "query": None, "fusion": "max", "discard_ratio": 0.2}
        np.testing.assert_allclose(
            arrays[f"{name}_map_head-rollout"], explain(trace, "head-rollout", **options), atol=1e-5
        )
    for stage, (ids, scores) in enumerate(zip(pruned.kept, pruned.scores, strict=True)):
        np.testing.assert_array_equal(arrays[f"kept_{stage}"], ids)
        heat = arrays[f"keep_score_{stage}"]
        np.testing.assert_allclose(heat[~np.isnan(heat)], scores, atol=1e-4)
    assert not any(values.dtype == object for values in arrays.values())


def test_every_array_is_described_and_the_file_is_json(record: Record) -> None:
    facts = json.loads(record.json())
    assert set(facts["arrays"]) == set(record.arrays)
    for name, one in facts["arrays"].items():
        assert (one["shape"], one["dtype"]) == (
            list(record.arrays[name].shape),
            str(record.arrays[name].dtype),
        )
        assert one["meaning"].endswith(".")
        assert one["unit"]
    assert {f"class_map_{name}" for name in ("gradient-rollout", "chefer")} < set(facts["arrays"])


def test_facts_name_the_setting_the_weights_and_the_versions(record: Record, models: Path) -> None:
    facts = json.loads(record.json())
    digest = hashlib.sha256((models / KEY / "model.safetensors").read_bytes()).hexdigest()
    assert facts["model"] == f"{KEY}@sha256:{digest}"
    assert (facts["pruning_ratio"], facts["keep_ratio"], facts["selector"]) == (0.3, 0.7, "learned")
    assert facts["explorer"] == {
        "method": "head-rollout",
        "layer": 3,
        "head": 1,
        "direction": "in",
        "pass": "pruned",
        "patch": None,
        "fusion": "max",
        "discard_ratio": 0.2,
    }
    assert facts["versions"]["torch"] == torch.__version__
    assert {"python", "gradio", "vitdemo"} <= set(facts["versions"])
    assert facts["classes"] == list(CIFAR10_CLASSES)
    for name in ("dense", "pruned"):
        chances = record.arrays[f"{name}_probabilities"]
        told = {one["class"]: one["probability"] for one in facts[name]["probabilities"]}
        np.testing.assert_allclose([told[label] for label in CIFAR10_CLASSES], chances, atol=1e-6)
        assert facts[name]["answer"] == CIFAR10_CLASSES[int(chances.argmax())]
        assert facts[name]["milliseconds"] > 0
    assert facts["pruned"]["macs"] < facts["dense"]["macs"]


def test_without_pruning_there_is_one_pass(engine: Engine) -> None:
    record = kept(engine, ratio=0.0)
    assert json.loads(record.json())["pruned"] is None
    assert not any(name.startswith(("pruned", "kept", "keep_score")) for name in record.arrays)
    assert "dense_attention_00" in record.arrays


def test_a_map_from_a_dropped_patch_is_left_out_and_says_why(engine: Engine) -> None:
    first = kept(engine)
    gone = int(np.setdiff1d(np.arange(64), first.arrays["kept_0"])[0])
    record = kept(engine, view=AttentionView(method="raw-attention", layer=7, query=gone))
    facts = json.loads(record.json())
    assert "pruned_map_raw-attention" not in record.arrays
    assert str(gone) in facts["left_out"]["pruned_map_raw-attention"]
    assert "dense_map_raw-attention" in record.arrays


def test_an_option_out_of_range_is_named(engine: Engine) -> None:
    with pytest.raises(ValueError, match="layer"):
        kept(engine, view=AttentionView(layer=99))
