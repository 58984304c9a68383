"""The numbers that can be taken away: the same as an independent run gives, and told in plain words."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from tests.engine.bundle import draw_picture, record_traces
from tests.maps.traces import expand, make_trace, read_out_slowly, roll_out_slowly, write_trace
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Export, Look, Request
from vitdemo.maps import PatchDropped, explain, explain_inward
from vitdemo.trace import Trace

KEY = "dynamicvit_cifar10"
LOOK = Look(method="head-rollout", layer=3, head=1, fusion="max", discard_ratio=0.2)


def export(
    engine: Engine, *, ratio: float = 0.3, look: Look = LOOK, direction: Literal["out", "in"] = "in"
) -> Export:
    request = Request(draw_picture(), KEY, ratio, "learned" if ratio else "")
    return engine.open(request).export(replace(look, direction=direction))


@pytest.fixture
def record(engine: Engine) -> Export:
    return export(engine)


def test_arrays_are_those_of_an_independent_run(record: Export, models: Path) -> None:
    with np.load(io.BytesIO(record.to_npz()), allow_pickle=False) as file:
        arrays = dict(file)
    dense, pruned = record_traces(models, KEY, draw_picture(), keep_ratio=0.7, selector="learned")
    for name, trace in (("dense", dense), ("pruned", pruned)):
        assert trace.logits is not None
        for layer, (attn, ids) in enumerate(zip(trace.attn, trace.token_ids, strict=True)):
            mine = arrays[f"{name}_attention_{layer:02d}"].astype(np.float32)
            np.testing.assert_allclose(mine, attn, atol=1e-3)
            np.testing.assert_allclose(mine.sum(-1), 1, atol=1e-3)
            np.testing.assert_array_equal(arrays[f"{name}_token_ids_{layer:02d}"], ids)
        np.testing.assert_allclose(arrays[f"{name}_logits"], trace.logits, atol=1e-4)
        np.testing.assert_allclose(arrays[f"{name}_probabilities"].sum(), 1, atol=1e-5)
        start = read_out_slowly(trace)
        below = roll_out_slowly(trace, fusion="max", discard_ratio=0.2, stop=3)
        wanted = expand(trace, trace.attn[3][1].numpy(), 3) @ below @ start
        np.testing.assert_allclose(
            arrays[f"{name}_map_head-rollout"], place_on_grid(trace, wanted, 3), atol=1e-5
        )
        wanted = roll_out_slowly(trace, fusion="max", discard_ratio=0.2) @ start
        np.testing.assert_allclose(
            arrays[f"{name}_map_attention-rollout"], place_on_grid(trace, wanted, -1), atol=1e-5
        )
        wanted = expand(trace, trace.attn[3][1].numpy(), 3) @ start
        np.testing.assert_allclose(
            arrays[f"{name}_map_raw-attention"], place_on_grid(trace, wanted, 3), atol=1e-5
        )
    for stage, (ids, scores) in enumerate(zip(pruned.kept, pruned.scores, strict=True)):
        np.testing.assert_array_equal(arrays[f"kept_{stage}"], ids)
        heat = arrays[f"keep_score_{stage}"]
        np.testing.assert_allclose(heat[~np.isnan(heat)], scores, atol=1e-4)
    assert not any(values.dtype == object for values in arrays.values())


def place_on_grid(trace: Trace, column: np.ndarray, layer: int) -> np.ndarray:
    """Return the patches' part; NaN for those that are gone at `layer`."""
    result, ids = np.full(trace.num_patches, np.nan), trace.patch_ids(layer).numpy()
    result[ids] = column[ids + trace.num_prefix_tokens]
    return result.reshape(trace.grid)


def test_who_looks_at_a_patch_by_hand() -> None:
    """Two layers of one head; a class token and two patches. The query is the first patch."""
    first = [[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6]]
    second = [[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.1, 0.3, 0.6]]
    trace = write_trace([first], [second], grid=(1, 2))
    # Its column of (first + I) / 2 is [0.15, 0.8, 0.1].
    for method, query, wanted in (
        ("raw-attention", 0, [0.4, 0.3]),
        ("raw-attention", None, [0.4, 0.1]),
        ("head-rollout", 0, [0.06 + 0.32 + 0.02, 0.015 + 0.24 + 0.06]),
        ("attention-rollout", 0, [0.03 + 0.56 + 0.01, 0.0075 + 0.12 + 0.08]),
    ):
        found = explain_inward(trace, method, query=query)
        np.testing.assert_allclose(found, [wanted], atol=1e-6, err_msg=f"{method} {query}")
    with pytest.raises(ValueError, match="chefer has no other direction"):
        explain_inward(trace, "chefer")


@pytest.mark.parametrize("pool", ["token", "mean"])
def test_who_looks_at_a_patch_through_pruning(pool: str) -> None:
    trace = make_trace(cuts={1: 8, 3: 5}, pool=pool)
    gone = next(patch for patch in range(12) if patch not in trace.patch_ids(1))
    for query in (None, int(trace.patch_ids(3)[0]), gone):
        start = read_out_slowly(trace) if query is None else np.eye(13)[query + 1]
        found = explain_inward(trace, "attention-rollout", query=query, fusion="min", discard_ratio=0.3)
        wanted = roll_out_slowly(trace, fusion="min", discard_ratio=0.3) @ start
        np.testing.assert_allclose(found, place_on_grid(trace, wanted, 3), atol=1e-5)
        found = explain_inward(trace, "head-rollout", query=query, layer=2, fusion="max")
        fused = expand(trace, trace.attn[2].amax(0).numpy(), 2)
        wanted = fused @ roll_out_slowly(trace, fusion="max", stop=2) @ start
        np.testing.assert_allclose(found, place_on_grid(trace, wanted, 2), atol=1e-5)
    assert np.nansum(explain_inward(trace, "attention-rollout", query=gone)) > 0, "it gave its share before"
    with pytest.raises(PatchDropped, match=f"patch {gone} was dropped before layer 1"):
        explain_inward(trace, "raw-attention", query=gone)


def test_each_map_says_which_direction_it_is_of(engine: Engine, models: Path) -> None:
    out, inward = export(engine, direction="out"), export(engine)
    for name in ("raw-attention", "attention-rollout", "head-rollout"):
        for record, words in ((out, "what the query looks at"), (inward, "who looks at the query")):
            assert words in record.facts["arrays"][f"pruned_map_{name}"]["meaning"]
        here, there = (record.arrays[f"pruned_map_{name}"] for record in (out, inward))
        assert not np.allclose(here, there, equal_nan=True)
    _, pruned = record_traces(models, KEY, draw_picture(), keep_ratio=0.7, selector="learned")
    wanted = explain(pruned, "head-rollout", layer=3, head=1, fusion="max", discard_ratio=0.2)
    np.testing.assert_allclose(out.arrays["pruned_map_head-rollout"], wanted, atol=1e-5)


def test_every_array_is_described_and_the_file_is_json(record: Export) -> None:
    facts = json.loads(record.to_json())
    assert set(facts["arrays"]) == set(record.arrays)
    for name, one in facts["arrays"].items():
        assert (one["shape"], one["dtype"]) == (
            list(record.arrays[name].shape),
            str(record.arrays[name].dtype),
        )
        assert one["meaning"].endswith(".")
        assert one["unit"]
    assert {f"class_map_{name}" for name in ("gradient-rollout", "chefer")} < set(facts["arrays"])


def test_facts_name_the_setting_the_weights_and_the_versions(record: Export, models: Path) -> None:
    facts = json.loads(record.to_json())
    digest = hashlib.sha256((models / KEY / "model.safetensors").read_bytes()).hexdigest()
    assert facts["model"] == f"{KEY}@sha256:{digest}"
    assert (facts["pruning_ratio"], facts["keep_ratio"], facts["selector"]) == (0.3, 0.7, "learned")
    assert facts["attention"] == {
        "method": "head-rollout",
        "layer": 3,
        "head": 1,
        "direction": "in",
        "pass": "pruned",
        "query": None,
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
        assert facts[name]["time"]["milliseconds"] > 0
        assert facts[name]["time"]["n"] >= 5
    assert facts["pruned"]["macs"] < facts["dense"]["macs"]


def test_without_pruning_there_is_one_pass(engine: Engine) -> None:
    record = export(engine, ratio=0.0)
    assert json.loads(record.to_json())["pruned"] is None
    assert not any(name.startswith(("pruned", "kept", "keep_score")) for name in record.arrays)
    assert "dense_attention_00" in record.arrays


def test_a_map_from_a_dropped_patch_is_left_out_and_says_why(engine: Engine) -> None:
    first = export(engine)
    gone = int(np.setdiff1d(np.arange(64), first.arrays["kept_0"])[0])
    record = export(engine, look=Look(method="raw-attention", layer=7, query=gone))
    facts = json.loads(record.to_json())
    assert "pruned_map_raw-attention" not in record.arrays
    assert str(gone) in facts["left_out"]["pruned_map_raw-attention"]
    assert "dense_map_raw-attention" in record.arrays


def test_an_option_out_of_range_is_named(engine: Engine) -> None:
    with pytest.raises(ValueError, match="layer"):
        export(engine, look=Look(layer=99))
