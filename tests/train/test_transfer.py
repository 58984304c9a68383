"""Weights for another picture size, patch size or data set: against timm, and from end to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from timm.layers.patch_embed import resample_patch_embed
from timm.layers.pos_embed import resample_abs_pos_embed

from train.recipe import load_recipe
from train.resnet import ResNet9, ResNetConfig
from train.run import Run
from train.transfer import resample_kernel, resample_positions, transfer
from vitdemo.config import ViTConfig
from vitdemo.models import build_model
from vitdemo.weights import load_model

SMALL = ViTConfig(img_size=32, patch_size=4, num_classes=10, embed_dim=24, depth=2, num_heads=2)


@pytest.mark.parametrize("size", [(8, 8), (2, 2), (6, 5)])
def test_the_kernel_is_timms(size: tuple[int, int]) -> None:
    kernel = torch.randn(5, 3, 4, 4)
    ours, theirs = resample_kernel(kernel, size), resample_patch_embed(kernel, list(size))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_a_larger_kernel_sees_in_a_resized_patch_what_the_small_one_saw() -> None:
    kernel, patch = torch.randn(5, 3, 4, 4), torch.randn(7, 3, 4, 4)
    larger = F.interpolate(patch, (8, 8), mode="bicubic", antialias=True)
    before, after = F.conv2d(patch, kernel), F.conv2d(larger, resample_kernel(kernel, (8, 8)))
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("prefix", [0, 1])
def test_the_positions_are_timms(prefix: int) -> None:
    table = torch.randn(1, prefix + 64, 6)
    ours = resample_positions(table, old=(8, 8), new=(16, 12), prefix=prefix)
    theirs = resample_abs_pos_embed(table, [16, 12], [8, 8], num_prefix_tokens=prefix)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_what_has_its_shape_is_taken_as_it_is() -> None:
    source, target = build_model(SMALL), build_model(replace(SMALL, img_size=64, patch_size=8))
    state = transfer(source, target, head=False)
    assert not any(key.startswith("head") for key in state)
    assert torch.equal(state["pos_embed"], source.state_dict()["pos_embed"])  # the grid is the same
    missing, unexpected = target.load_state_dict(state, strict=False)
    assert (missing, unexpected) == (["head.weight", "head.bias"], [])


def test_a_run_goes_on_from_another_size(dense: Path, tiny: list[str]) -> None:
    """Twice the pixels in twice as many patches a side; everything but the positions is what it was."""
    words = [*tiny, f"init_from={dense}", "max_steps=1", "model.img_size=64", "distil.weight=0.0"]
    run, source = Run(load_recipe("cifar10_vit", words)), load_model(str(dense)).model
    own = run.learner.model.state_dict()
    assert own["pos_embed"].shape[1] == 257
    for key, value in source.state_dict().items():
        assert key == "pos_embed" or torch.equal(value, own[key]), key


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("cifar10_dynamicvit", ["model.prune={'prune_loc': [1, 2, 3]}", "distil.weight=0.0"]),
        ("cifar10_vit_taught", []),
    ],
)
def test_what_asks_the_source_needs_its_pictures(
    recipe: str, words: list[str], dense: Path, tiny: list[str]
) -> None:
    """The elastic loss, and distillation that names no other teacher."""
    with pytest.raises(ValueError, match="can start the model but not teach it"):
        Run(load_recipe(recipe, [*tiny, *words, f"init_from={dense}", "model.img_size=64"]))


def test_a_teacher_sees_pictures_at_its_own_size() -> None:
    teacher = ResNet9(ResNetConfig(img_size=16, widths=(4, 8, 8, 8))).eval()
    pictures = torch.randn(2, 3, 64, 64)
    small = F.interpolate(pictures, (16, 16), mode="bilinear", antialias=True)
    assert torch.equal(teacher(pictures), teacher(small))


def test_a_local_mix_begins_anew_beside_weights_of_a_network_without(dense: Path, tiny: list[str]) -> None:
    words = [*tiny, f"init_from={dense}", "model.local_kernel=3", "distil.weight=0.0"]
    run, source = Run(load_recipe("cifar10_lightvit_focused", words)), load_model(str(dense)).model
    own = run.learner.model.state_dict()
    assert all(torch.equal(value, own[key]) for key, value in source.state_dict().items())
    new = own.keys() - source.state_dict().keys()
    assert new == {f"blocks.{layer}.attn.local.{part}" for layer in range(4) for part in ("kernel", "gate")}
