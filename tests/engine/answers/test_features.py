"""What the tab "Features" gets, unpacked, against the passes themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.engine.answers.test_payload import LEARNED, unpack
from tests.engine.bundle import draw_picture
from vitdemo.engine import Engine, Request
from vitdemo.maps.features import principal_components
from vitdemo.maps.statistics import token_norms
from vitdemo.models import DynamicViT
from vitdemo.models.pruning import FixedRatio


def test_both_passes_arrive_as_they_are(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), LEARNED, 0.5))
    sent = json.loads(result.features())
    entry = result._entry
    assert (sent["grid"], sent["layers"]) == ([8, 8], len(entry.dense.attn))
    assert list(sent["passes"]) == ["pruned", "dense"]
    assert entry.pruned is not None
    for name, trace in (("pruned", entry.pruned), ("dense", entry.dense)):
        coded, ends = sent["passes"][name], np.cumsum(sent["passes"][name]["counts"])[:-1]
        ids = np.split(unpack(coded["ids"], "<u2"), ends)
        norms = np.split(unpack(coded["norms"], "<f4"), ends)
        components = np.split(unpack(coded["components"], "<f4").reshape(-1, 3), ends)
        expected = principal_components(trace)
        for layer in range(len(trace.attn)):
            assert ids[layer].tolist() == trace.patch_ids(layer).tolist()
            np.testing.assert_array_equal(norms[layer], trace.token_norms[layer][1:])
            np.testing.assert_array_equal(components[layer], expected[layer])
            assert coded["limits"][layer] == token_norms(trace, layer=layer).limit


def test_another_result_comes_beside(engine: Engine) -> None:
    here, there = (engine.open(Request(draw_picture(), LEARNED, ratio)) for ratio in (0.5, 0.3))
    sent = json.loads(here.features(beside=there))
    assert sent.pop("beside") == json.loads(there.features())
    assert sent == json.loads(here.features())


def test_a_layers_features_keep_cosines_to_a_thousandth(engine: Engine) -> None:
    """Against the network's own tokens in full precision; those of the pruned pass against masked tokens."""
    result = engine.open(Request(draw_picture(), LEARNED, 0.5))
    entry, net = result._entry, engine._shared.pool.get(LEARNED).model
    assert isinstance(net, DynamicViT)
    assert entry.pruned is not None
    seen: list[torch.Tensor] = []
    hooks = [
        block.register_forward_hook(lambda module, inputs, output: seen.append(output[0, 1:]))
        for block in net.blocks
    ]
    passes = {"dense": net, "pruned": lambda pixels: net.forward_masked(pixels, FixedRatio(0.5))}
    for (name, run), trace in zip(passes.items(), (entry.dense, entry.pruned), strict=True):
        seen.clear()
        with torch.no_grad():
            run(entry.pixels)
        for layer in (0, 4, len(trace.attn) - 1):
            sent = json.loads(result.features_layer(pass_=name, layer=layer))
            assert (sent["id"], sent["pass"], sent["layer"]) == (result.key[:12], name, layer)
            tokens = seen[layer][trace.patch_ids(layer)]
            found = unpack(sent["directions"], "<f2").astype(np.float32).reshape(len(tokens), -1)
            cosines = torch.nn.functional.cosine_similarity(tokens[:, None], tokens[None], dim=-1)
            np.testing.assert_allclose(found @ found.T, cosines, atol=1e-3)
    for hook in hooks:
        hook.remove()


def test_what_is_not_there_is_named(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), LEARNED, 0.0))
    with pytest.raises(ValueError, match="pass must be one of dense, got 'pruned'"):
        result.features_layer(pass_="pruned", layer=0)
    with pytest.raises(ValueError, match="layer must be an integer from 0 to"):
        result.features_layer(pass_="dense", layer=99)
