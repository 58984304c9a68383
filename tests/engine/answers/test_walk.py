"""The walk: its steps, the shapes it states against the network's own, and what its pictures show."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from tests.engine.bundle import draw_picture, load_directly, record_traces
from vitdemo.engine import Engine, Request
from vitdemo.engine.answers import drawing
from vitdemo.engine.core.embedding import take_apart

TITLES = [
    "Your picture", "The crop the model sees", "Patches", "Linear projection", "Class token", "Positions",
    "Blocks", "Token pruning", "Readout", "Classification head",
]  # fmt: skip


def test_steps_state_the_shapes_of_the_pass(engine: Engine, models: Path) -> None:
    key = "dynamicvit_cifar10"
    steps = {str(step.title): step for step in engine.open(Request(draw_picture(), key, 0.5)).inside.walk()}
    assert list(steps) == TITLES

    dense, pruned = record_traces(models, key, draw_picture(), keep_ratio=0.5, selector="learned")
    model, pixels = load_directly(models, key, draw_picture())
    patches, width = model.patch_embed(pixels)[0].shape
    assert steps["Your picture"].shape == "(64, 96, 3)"
    assert steps["The crop the model sees"].shape == str(tuple(pixels[0].shape))
    assert steps["Patches"].shape == f"({patches}, {model.patch_embed.proj.weight[0].numel()})"
    assert steps["Linear projection"].shape == f"({patches}, {width})"
    assert steps["Blocks"].shape == f"(1 + {dense.attn[-1].shape[-1] - 1}, {width})"
    assert steps["Token pruning"].shape == f"(1 + {pruned.attn[-1].shape[-1] - 1}, {width})"
    assert "64 → 32 → 16 → 8" in steps["Token pruning"].text
    assert steps["Classification head"].shape == "(10,)"
    assert all(step.image is not None and step.image.width >= 448 for step in steps.values())


def test_a_dense_pass_has_no_pruning_step(engine: Engine) -> None:
    result = engine.open(Request(draw_picture(), "lightvit_cifar10", 0.0))
    steps = result.inside.walk()
    assert [step.title for step in steps] == [title for title in TITLES if title != "Token pruning"]
    assert "linear self-attention" in steps[6].text


@torch.no_grad()
def test_the_embedding_is_the_projection_written_out(models: Path) -> None:
    model, pixels = load_directly(models, "vit_cifar10", draw_picture())
    parts = take_apart(model, pixels)
    cut = F.unfold(pixels, kernel_size=4, stride=4)[0].T  # a row a patch
    projection = model.patch_embed.proj
    assert projection.bias is not None
    torch.testing.assert_close(parts.patches, cut @ projection.weight.flatten(1).T + projection.bias)
    torch.testing.assert_close(
        torch.cat([parts.prefix, parts.patches]) + parts.positions, model.embed(pixels)[0]
    )


def test_the_crop_shows_the_very_pixels(models: Path) -> None:
    small = draw_picture(size=(32, 32))
    _, pixels = load_directly(models, "vit_cifar10", small)
    mean, std = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
    shown = np.asarray(drawing.draw_input(pixels[0].numpy(), mean=mean, std=std))
    assert np.array_equal(shown[::14, ::14], np.asarray(small))
    assert np.array_equal(shown[13::14, 13::14], np.asarray(small))


def test_patches_are_set_apart_unchanged() -> None:
    image = draw_picture(size=(60, 40))
    apart = drawing.draw_patches(image, (2, 3))
    gap = (apart.width - 60) // 2
    assert (apart.width, apart.height) == (60 + 2 * gap, 40 + gap)
    for row in range(2):
        for column in range(3):
            left, top = column * (20 + gap), row * (20 + gap)
            found = apart.crop((left, top, left + 20, top + 20))
            wanted = image.crop((20 * column, 20 * row, 20 * column + 20, 20 * row + 20))
            assert found.tobytes() == wanted.tobytes()
    assert np.ptp(np.asarray(apart)[:, 20 : 20 + gap], axis=(0, 1)).max() == 0


def test_bars_are_as_long_as_the_probabilities() -> None:
    image = np.asarray(drawing.draw_bars([("cat", 0.8), ("dog", 0.2)]).convert("RGB")).astype(int)
    blue = (np.abs(image - np.array([0, 114, 178])) <= 1).all(-1).sum(axis=1)
    lengths = sorted({int(length) for length in blue if length > 20})
    assert len(lengths) == 2
    assert abs(lengths[1] / lengths[0] - 4) < 0.1


def test_equal_tokens_have_equal_colours() -> None:
    values = np.array([[1.0, -1.0], [-1.0, 1.0]], dtype=np.float32)
    image = drawing.draw_matrix(values, prefix=values[:1])
    assert isinstance(image, Image.Image)
    pixels = np.asarray(image)
    assert (pixels[0, 0] == pixels[0, 223]).all()
    top, quarter = 16 + drawing.GAP, 224
    assert (pixels[0, 0] == pixels[top, 0]).all(), "the prefix row is the first token's"
    assert (pixels[top, 0] == pixels[top + quarter, quarter]).all()
    assert (pixels[top, 0] != pixels[top, quarter]).any()
