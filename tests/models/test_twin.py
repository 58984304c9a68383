"""The same weights at another input size answer as timm's, made or told to read pictures of that size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.layers.pos_embed import resample_abs_pos_embed
from timm.models import save_for_hf
from timm.models.vision_transformer import VisionTransformer as TimmViT

from tests.models.nets import make_pictures, make_small, make_small_dynamic, shake
from vitdemo.config import ViTConfig, as_pair
from vitdemo.models import build_model
from vitdemo.models.twin import make_twin, resample_positions
from vitdemo.weights import load_model

BASE: dict[str, Any] = {"patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3, "num_classes": 7}
PREFIXES: list[dict[str, Any]] = [
    {},
    {"reg_tokens": 3, "no_embed_class": True},
    {"reg_tokens": 3},
    {"class_token": False, "global_pool": "avg"},
]
ROTARY = ["eva02_tiny_patch14_336", "vit_small_patch16_rope_ape_224", "vit_small_patch16_dinov3"]
SIZES = [(24, 40), (64, 64), (16, 72), (8, 8)]


@pytest.mark.parametrize("options", PREFIXES, ids=str)
@torch.no_grad()
def test_another_size_answers_as_timm_s(options: dict[str, Any]) -> None:
    config = ViTConfig(img_size=32, **BASE, **options)
    theirs = shake(TimmViT(img_size=32, dynamic_img_size=True, **BASE, **options))
    ours = build_model(config).eval()
    ours.load_state_dict(theirs.state_dict())
    for size in SIZES:
        twin = make_twin(ours, replace(config, img_size=size))
        x = make_pictures(twin.config, 2)
        expected = theirs(x)
        assert expected.std() > 0.1
        torch.testing.assert_close(twin(x), expected, atol=1e-5, rtol=0)
    theirs.set_input_size(img_size=SIZES[0])
    twin = make_twin(ours, replace(config, img_size=SIZES[0]))
    assert theirs.pos_embed is not None
    torch.testing.assert_close(twin.pos_embed, theirs.pos_embed.detach(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_positions_are_resampled_as_timm_does(prefix: int) -> None:
    table = torch.randn(1, prefix + 15, 8)
    found = resample_positions(table, old=(3, 5), new=(7, 2))
    expected = resample_abs_pos_embed(table, [7, 2], [3, 5], num_prefix_tokens=prefix)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert torch.equal(found[:, :prefix], table[:, :prefix])


def test_a_twin_shares_all_weights_but_the_positions_of_another_grid() -> None:
    net = make_small_dynamic()
    positions = net.get_parameter("pos_embed")
    before = positions.clone()
    oblong = make_twin(net, replace(net.config, img_size=(20, 12)))
    for name, weight in net.named_parameters():
        shared = oblong.get_parameter(name).data_ptr() == weight.data_ptr()
        assert shared == (name != "pos_embed"), name
    assert (oblong.config.grid, as_pair(oblong.config.img_size)) == ((5, 3), (20, 12))
    assert torch.equal(positions, before)
    assert make_twin(net).get_parameter("pos_embed").data_ptr() == positions.data_ptr()
    linear = make_small(attention="linear")
    twin = make_twin(linear, replace(linear.config, img_size=24))
    assert twin(make_pictures(twin.config, 1)).shape == (1, 5)


@pytest.mark.parametrize(
    "entry", ["eva02_tiny_patch14_336", "vit_small_patch16_rope_ape_224", "vit_small_patch16_dinov3"]
)
@torch.no_grad()
def test_rotary_positions_at_another_size_are_timm_s(entry: str, tmp_path: Path) -> None:
    made: dict[str, Any] = {"depth": 2, "embed_dim": 48, "num_heads": 3, "num_classes": 7}
    patch = 14 if "patch14" in entry else 16
    theirs = shake(timm.create_model(entry, img_size=4 * patch, dynamic_img_size=True, **made))
    save_for_hf(theirs, str(tmp_path), safe_serialization=True)
    ours = load_model(str(tmp_path)).model
    twin = make_twin(ours, replace(ours.config, img_size=(6 * patch, 5 * patch)))
    x = make_pictures(twin.config, 1)
    expected = theirs(x)
    assert expected.std() > 0.1
    torch.testing.assert_close(twin(x), expected, atol=1e-5, rtol=0)
