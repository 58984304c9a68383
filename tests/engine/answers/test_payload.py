"""The Attention tab's payload, unpacked here and compared with the traces that it stands for."""

from __future__ import annotations

import base64
import io
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.bundle import draw_picture, record_traces
from vitdemo import render
from vitdemo.engine import Engine, Expired, Request
from vitdemo.engine.answers import payload
from vitdemo.maps.attention import fuse
from vitdemo.maps.rollout import discard
from vitdemo.trace import Trace

LINEAR, LEARNED = "lightvit_cifar10", "dynamicvit_cifar10"


def unpack(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype)


def unpack_trace(described: dict[str, Any], heads: int) -> tuple[list[np.ndarray], list[list[int]]]:
    """Return (attention, token ids) of every layer."""
    counts = described["counts"]
    ids = np.split(unpack(described["token_ids"], "<u2"), np.cumsum(counts)[:-1])
    layers = zip(described["attn"], counts, strict=True)
    attn = [unpack(text, "<f2").reshape(heads, n, n) for text, n in layers]
    return attn, [layer.tolist() for layer in ids]


@pytest.mark.parametrize(("model", "selector"), [(LEARNED, "learned"), (LINEAR, "class-attention")])
def test_both_passes_arrive_in_half_precision(
    engine: Engine, models: Path, model: str, selector: str
) -> None:
    result = engine.open(Request(draw_picture(), model, 0.3))
    sent = json.loads(result.payload())
    assert sent["grid"] == [8, 8]
    assert (sent["layers"], sent["heads"], sent["prefix"]) == (10, 3, 1)
    assert (sent["model"], sent["ratio"], sent["selector"]) == (model, 0.3, selector)
    dense, pruned = record_traces(models, model, draw_picture(), keep_ratio=0.7, selector=selector)
    for name, trace in (("dense", dense), ("pruned", pruned)):
        described = sent["passes"][name]
        attn, ids = unpack_trace(described, heads=3)
        assert ids == [layer.tolist() for layer in trace.token_ids]
        assert tuple(described["prune_loc"]) == trace.prune_loc
        assert np.array_equal(unpack(described["readout"], "<f4"), trace.readout.numpy())
        for layer, wanted in zip(attn, trace.attn, strict=True):
            assert np.allclose(layer, wanted.numpy(), rtol=1e-3, atol=1e-6)
    assert len(sent["passes"]["pruned"]["attn"]) == 10
    assert sent["passes"]["pruned"]["counts"][-1] == 22


@pytest.mark.parametrize(("model", "selector"), [(LEARNED, "learned"), (LINEAR, "class-attention")])
def test_the_halves_and_the_cut_offs_discard_what_python_does(
    engine: Engine, models: Path, model: str, selector: str
) -> None:
    result = engine.open(Request(draw_picture(), model, 0.3))
    sent = json.loads(result.payload())["passes"]
    corrected = 0
    for name, trace in zip(
        ("dense", "pruned"),
        record_traces(models, model, draw_picture(), keep_ratio=0.7, selector=selector),
        strict=True,
    ):
        halves, _ = unpack_trace(sent[name], heads=3)
        for half, attn, text in zip(halves, trace.attn, sent[name]["cuts"], strict=True):
            words = unpack(text, "<u4")
            cuts, odd = words[:57].view("<f4").reshape(3, 19), words[57:]
            corrected += len(odd)
            survives = np.stack([half.mean(0, np.float64).astype("f4"), half.max(0), half.min(0)])
            survives = (survives[..., None] >= cuts[:, None, None]).sum(-1)
            survives.reshape(-1)[odd // 32] = odd % 32
            for index, fusion in enumerate(("mean", "max", "min")):
                fused = fuse(attn, fusion)
                for step in range(19):
                    kept = discard(fused, (5 + 5 * step) / 100, num_prefix_tokens=1) > 0
                    mine = (survives[index] > step) & (fused.numpy() > 0)
                    assert np.array_equal(mine[:, 1:], kept[:, 1:].numpy())
    assert corrected > 100


def test_the_view_and_the_colours_arrive(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), LEARNED, 0.3))
    sent = json.loads(result.payload())
    head, data = sent["view"].split(",")
    assert head == "data:image/webp;base64"
    view = Image.open(io.BytesIO(base64.b64decode(data)))
    wanted = render.enlarge_view(result.analysis.view)
    assert view.size == wanted.size == (448, 448)
    difference = np.abs(np.asarray(view.convert("RGB"), float) - np.asarray(wanted, float))
    assert difference.mean() < 3
    assert np.array_equal(
        np.frombuffer(base64.b64decode(sent["palette"]), np.uint8), render.colour_map().ravel()
    )


def test_the_key_stays_on_the_server(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), LEARNED, 0.3))
    assert result.key not in result.payload()
    other = engine.open(Request(draw_picture(1), LEARNED, 0.3))
    ids = [json.loads(one.payload())["id"] for one in (result, other)]
    assert ids[0] != ids[1]
    with pytest.raises(Expired):
        engine.recall("unknown")


def test_at_ratio_zero_there_is_only_the_dense_pass(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), LEARNED, 0.0))
    assert list(json.loads(result.payload())["passes"]) == ["dense"]
    with pytest.raises(ValueError, match="pass must be one of dense, got 'pruned'"):
        result.payload_layer(pass_="pruned", layer=0)


def test_a_large_result_goes_layer_by_layer(engine: Engine) -> None:
    """The size of DeiT-Small: 197 tokens, 12 layers of 6 heads."""
    result = engine.open(Request(draw_picture(), LEARNED, 0.3))
    entry = engine._cache.find(result.key)
    assert entry is not None
    attn = tuple(torch.rand(6, 197, 197).softmax(-1) for _ in range(12))
    everything = torch.arange(197)
    readout = torch.eye(197)[0]
    large = replace(
        entry, dense=Trace("deit", (14, 14), 1, None, attn, (everything,) * 12, readout), pruned=None
    )
    text = payload.pack_result(large)
    assert json.loads(text)["passes"]["dense"]["attn"] == [None] * 12
    assert len(text) < 150_000
    sent = json.loads(payload.pack_layer(large, pass_="dense", layer=5))
    assert (sent["id"], sent["pass"], sent["layer"]) == (result.key[:12], "dense", 5)
    found = unpack(sent["attn"], "<f2").reshape(6, 197, 197)
    assert np.allclose(found, attn[5].numpy(), rtol=1e-3, atol=1e-6)
    assert len(sent["attn"]) < 700_000
    for layer in (-1, 12):
        with pytest.raises(ValueError, match="layer must be an integer from 0 to 11"):
            payload.pack_layer(large, pass_="dense", layer=layer)
