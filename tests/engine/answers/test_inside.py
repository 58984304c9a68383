"""Inside the model: heads silenced against weights really set to zero, and pictures against their numbers."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.bundle import draw_picture, load_directly
from tests.models.nets import VARIANTS, make_pictures, make_small
from vitdemo.engine import Engine, Request
from vitdemo.engine.answers import ablation
from vitdemo.engine.answers.ablation import silence_heads
from vitdemo.models import VisionTransformer
from vitdemo.models.pruning import Explicit, Pruning

KEY = "dynamicvit_cifar10"


@torch.no_grad()
def silence_head(net: VisionTransformer, layer: int, head: int) -> VisionTransformer:
    """Return a copy in which the columns of the output projection that hear the head are zero."""
    changed = copy.deepcopy(net)
    width = net.config.embed_dim // net.config.num_heads
    changed.get_parameter(f"blocks.{layer}.attn.proj.weight")[:, head * width : (head + 1) * width] = 0
    return changed


@pytest.mark.parametrize("variant", ["square", "distilled", "layer scale", "linear relu, class and mean"])
@torch.no_grad()
def test_a_silenced_head_is_one_without_weights(variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net = make_small(**VARIANTS[variant])
    pixels = make_pictures(net.config, 1)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    logits = silence_heads(net, pixels)
    assert logits.shape == (4, 3, 5)
    monkeypatch.setattr(ablation, "TOKENS", 5 * (net.config.num_prefix_tokens + net.config.num_patches) + 1)
    shares: list[float] = []
    parts = silence_heads(net, pixels, progress=lambda share, words: shares.append(share))
    assert shares == [0, 5 / 12, 10 / 12], "batches of five, five and two"
    torch.testing.assert_close(parts, logits)
    for layer in range(4):
        for head in range(3):
            torch.testing.assert_close(logits[layer, head], silence_head(net, layer, head)(pixels)[0])
    assert logits.sub(net(pixels)[0]).abs().amax(dim=-1).min() > 1e-3, "every head counts in this network"
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


@torch.no_grad()
def test_through_pruning_the_patches_stay_the_same() -> None:
    net = make_small()
    pixels = make_pictures(net.config, 1)
    kept = ((0, 2, 3, 5, 8, 11), (0, 3, 5, 8), (3, 8))
    pruning = Pruning(None, Explicit((None, *(torch.tensor(ids) for ids in kept))))
    logits = silence_heads(net, pixels, pruning=pruning)
    wanted = silence_head(net, 2, 1)(pixels, pruning=pruning)[0]
    torch.testing.assert_close(logits[2, 1], wanted)
    assert not torch.allclose(logits, silence_heads(net, pixels))


@torch.no_grad()
def test_ablation_of_a_result(engine: Engine, models: Path) -> None:
    result = engine.open(Request(draw_picture(), KEY, 0.5))
    told: list[tuple[float, str]] = []
    before = engine.forwards
    told_to = engine.recall(result.key, progress=lambda share, words: told.append((share, words)))
    pruned = told_to.inside.ablation("pruned")
    assert engine.forwards == before + 1, "10 layers of 3 heads are one batch"
    assert told == [(0, "Layer 0–9")]
    net, pixels = load_directly(models, KEY, draw_picture())
    kept = Pruning(None, Explicit((None, *map(torch.tensor, result.analysis.kept))))
    target = int(net(pixels, pruning=kept).argmax())
    for layer in range(10):
        for head in range(3):
            alone = silence_head(net, layer, head)(pixels, pruning=kept)[0, target]
            assert pruned.changes[layer][head] == pytest.approx(float(alone) - pruned.logit, abs=1e-4)
    assert result.analysis.pruned is not None
    assert pruned.label == result.analysis.pruned.top[0][0]
    assert pruned.pruned

    dense = result.inside.ablation("dense")
    assert not dense.pruned
    assert dense.label == result.analysis.dense.top[0][0]
    assert np.shape(dense.changes) == (10, 3)
    assert np.abs(np.subtract(dense.changes, pruned.changes)).max() > 1e-3


def test_a_backbone_has_no_answer_to_change(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), KEY, 0.0))
    entry = engine._cache.find(result.key)
    assert entry is not None
    engine._cache.put(dataclasses.replace(entry, dense=dataclasses.replace(entry.dense, logits=None)))
    with pytest.raises(ValueError, match="no classes"):
        engine.recall(result.key).inside.ablation("dense")


def test_positions_are_found_under_the_pointer(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), KEY, 0.0))
    first, other = (result.inside.positions_figure(place) for place in (0, 63))
    changed = np.argwhere((np.asarray(first) != np.asarray(other)).any(axis=-1))
    (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
    assert result.inside.position_at(int(left) + 10, int(top) + 10) == 0
    assert result.inside.position_at(int(right) - 10, int(bottom) - 10) == 63
    assert result.inside.position_at(10, first.height - 5) is None, "the colour bar"
    with pytest.raises(ValueError, match="position must be from 0 to 63"):
        result.inside.position_figure(64)


def test_a_position_resembles_itself_most(engine: Engine) -> None:
    """The large map has its brightest colour, the end of the scale, at the chosen place."""
    result = engine.open(Request(draw_picture(), KEY, 0.0))
    shown = np.asarray(result.inside.position_figure(19).convert("L")).astype(int)
    edge = 56
    centres = shown[edge // 2 : 448 : edge, edge // 2 : 448 : edge]
    assert np.unravel_index(centres.argmax(), centres.shape) == (2, 3)


def test_heads_follow_the_pass(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), KEY, 0.5))
    pruned, dense = (result.inside.heads(which) for which in ("pruned", "dense"))
    assert np.shape(dense.distance) == np.shape(dense.entropy) == (10, 3)
    np.testing.assert_allclose(pruned.distance[:3], dense.distance[:3], rtol=1e-5)  # before the first stage
    assert not np.allclose(pruned.distance[9], dense.distance[9])
    assert np.max(pruned.entropy[9]) < np.log(1 + 8) + 1e-6, "8 patches and the class token are left"
    assert dense.farthest == pytest.approx(28 * 2**0.5)  # 4-pixel patches, centres 7 apart both ways
    assert dense.widest == pytest.approx(np.log(65))


def test_artefacts_are_framed(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), KEY, 0.0))
    calm = result.inside.norms("dense")
    entry = engine._cache.find(result.key)
    assert entry is not None
    *below, last = entry.dense.token_norms
    norms = last.clone()
    norms[1 + 27] = 100 * norms.max()
    loud_trace = dataclasses.replace(entry.dense, token_norms=(*below, norms))
    engine._cache.put(dataclasses.replace(entry, dense=loud_trace))
    loud = engine.recall(result.key).inside.norms("dense")
    assert 27 in loud.artefacts
    assert 27 not in calm.artefacts
    mark = np.array([0, 229, 255])  # the frame's colour
    framed = (np.asarray(loud.image.convert("RGB")).astype(int) == mark).all(axis=-1)
    rows, columns = np.nonzero(framed)
    row, column = divmod(27, 8)
    inside = (rows // 56 == row) & (columns // 56 == column)
    assert inside.any()


def test_filters_come_from_this_model(engine: Engine) -> None:
    results = [engine.open(Request(draw_picture(), name, 0.0)) for name in (KEY, "vit_cifar10")]
    found = [result.inside.filters() for result in results]
    assert all((one.shown, one.total) == (28, 48) and 0 < one.share < 1 for one in found)
    assert all(isinstance(one.image, Image.Image) for one in found)
    assert found[0].image.tobytes() != found[1].image.tobytes()
