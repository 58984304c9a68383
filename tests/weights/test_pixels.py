"""A network gets the pixels of the library that wrote its folder, and the view is their crop."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from tests.weights.samples import transformers
from vitdemo.config import DataConfig
from vitdemo.data import VIEW_SIZE, preprocess
from vitdemo.weights.formats import describe
from vitdemo.weights.processors import EXACT, PROCESSORS

SIZES = {"square": (97, 97), "wide": (160, 101), "tall": (71, 130), "small": (20, 30), "thin": (300, 8)}
VIT = {
    "model_type": "vit",
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 96,
}
TIMM = {"architecture": "vit_tiny_patch16_224", "num_classes": 2}


def draw_picture(name: str, mode: str = "RGB") -> Image.Image:
    """Return smooth shapes below noise, so that each filter and each offset by a pixel shows."""
    width, height = SIZES[name]
    rng = np.random.default_rng(width)
    coarse = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    smooth = np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noisy = smooth + rng.integers(-40, 41, smooth.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).convert(mode)


def compare(data: DataConfig, theirs: Any, *, mode: str = "RGB") -> None:
    """All pictures: to the last bit of a pixel, and a rounding of the floating-point arithmetic."""
    for name in SIZES:
        image = draw_picture(name, mode)
        ours, wanted = preprocess(image.convert("RGB"), config=data).pixels, theirs(image)
        step = float((1 / 255) / max(data.std))  # between two neighbours among the pixels
        torch.testing.assert_close(
            ours, wanted, rtol=1e-5, atol=1e-3 * step, msg=lambda m, n=name: f"{n}: {m}"
        )


FLAGS: dict[str, dict[str, Any]] = {
    "no file": {},
    "size as a number": {"size": 32},
    "size as an object": {"size": {"height": 32, "width": 32}, "image_mean": [0.4, 0.5, 0.6]},
    "size as a list": {"size": [32, 32], "image_std": [0.2, 0.3, 0.4]},
    "nulls are no": {"size": 32, "do_normalize": None, "do_center_crop": None, "crop_size": None},
    "null is not rescaled": {"size": 32, "do_rescale": None, "do_pad": None},
    "not normalised": {"size": 32, "do_normalize": False},
    "not rescaled": {"size": 32, "do_rescale": False, "image_mean": [127.5] * 3, "image_std": [127.5] * 3},
    "neither": {"size": 32, "do_rescale": False, "do_normalize": False},
    "rescaled otherwise": {"size": 32, "rescale_factor": 1 / 127.5, "image_mean": [1.0] * 3},
    "one mean for all": {"size": 32, "image_mean": 0.4, "image_std": 0.3},
    **{f"resample {number}": {"size": 32, "resample": number} for number in range(6)},
    "squashed, then cropped": {"size": 43, "do_center_crop": True, "crop_size": 32},
    "cropped, sizes as objects": {
        "size": {"height": 40, "width": 40},
        "do_center_crop": True,
        "crop_size": {"height": 32, "width": 32},
    },
    "shortest edge": {"size": {"shortest_edge": 37}, "do_center_crop": True, "crop_size": 32},
    "shortest edge as large": {"size": {"shortest_edge": 32}, "do_center_crop": True, "crop_size": 32},
    "DeiT": {"image_processor_type": "DeiTImageProcessor", "size": 39, "crop_size": 32},
    "CLIP": {"image_processor_type": "CLIPImageProcessorFast", "size": 32, "crop_size": 32},
    "Siglip": {"image_processor_type": "SiglipImageProcessor", "size": {"height": 32, "width": 32}},
    "Bit": {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 36}, "crop_size": 32},
    "an old name": {"feature_extractor_type": "ViTFeatureExtractor", "size": 32},
}


@pytest.mark.parametrize("name", FLAGS)
def test_transformers_pixels(name: str) -> None:
    """Bit for bit those of the processors that resize by Pillow.

    Those that resize by torchvision differ from them by at most one of 255 steps.
    """
    flags = FLAGS[name]
    data = describe(VIT, flags).data
    kind = flags.get("image_processor_type", "ViTImageProcessor").removesuffix("Fast")
    values = {key: value for key, value in flags.items() if not key.endswith("_type")} or {"size": 32}
    exact = getattr(transformers, f"{kind}Pil")(**values)
    compare(data, lambda image: exact(image, return_tensors="pt").pixel_values.float())


def test_oblong_networks_see_transformers_pixels() -> None:
    flags = {"size": {"height": 40, "width": 60}, "do_center_crop": True, "crop_size": [32, 48]}
    for given in (flags, {"size": {"height": 32, "width": 48}}):
        exact = transformers.ViTImageProcessorPil(**given)
        data = describe(VIT | {"image_size": [32, 48]}, given).data
        compare(data, lambda image, exact=exact: exact(image, return_tensors="pt").pixel_values)


def test_the_processor_by_torchvision_differs_by_one_step_at_most() -> None:
    flags = {"size": 32, "resample": 3}
    other = transformers.ViTImageProcessor(**flags)
    data = describe(VIT, flags).data
    for name in SIZES:
        ours = preprocess(draw_picture(name), config=data).pixels
        assert (ours - other(draw_picture(name), return_tensors="pt").pixel_values).abs().max() < 1.01 / 127.5


@pytest.mark.parametrize("kind", PROCESSORS)
def test_what_a_file_leaves_out_is_the_librarys_own_default(kind: str) -> None:
    flags = {"image_processor_type": f"{kind}ImageProcessor", "do_rescale": True}
    exact = getattr(transformers, f"{kind}ImageProcessor{'' if kind in EXACT else 'Pil'}")()
    data = describe(VIT | {"image_size": 224, "patch_size": 16}, flags).data
    compare(data, lambda image: exact(image, return_tensors="pt").pixel_values)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_one_channel_is_the_librarys_grey(mode: str) -> None:
    flags = {"size": 32, "image_mean": [0.4], "image_std": [0.2]}
    exact = transformers.ViTImageProcessorPil(**flags)
    data = describe(VIT | {"num_channels": 1}, flags).data
    compare(data, lambda image: exact(image.convert("L"), return_tensors="pt").pixel_values, mode=mode)
    own = transformers.ViTImageProcessorPil(size=32, image_mean=[0.5], image_std=[0.5])
    data = describe(VIT | {"num_channels": 1}, {}).data  # a folder without a preprocessor's file
    compare(data, lambda image: own(image.convert("L"), return_tensors="pt").pixel_values, mode=mode)
    inputs: dict[str, Any] = {"input_size": (1, 32, 48), "mean": [0.4], "std": [0.2], "crop_pct": 0.8}
    data = describe(TIMM | {"pretrained_cfg": inputs}, {}).data
    transform: Any = create_transform(**inputs, interpolation="bicubic")
    compare(data, lambda image: transform(image.convert("L"))[None], mode=mode)
    view = preprocess(draw_picture("wide"), config=data).view
    assert view.mode == "RGB"
    assert view.convert("L").convert("RGB").tobytes() == view.tobytes()


@pytest.mark.parametrize("size", [(48, 48), (32, 64)])
@pytest.mark.parametrize("crop_pct", [0.875, 1.0])
@pytest.mark.parametrize("crop_mode", ["center", "squash", "border"])
def test_timms_pixels(size: tuple[int, int], crop_pct: float, crop_mode: str) -> None:
    for interpolation in ("bicubic", "bilinear", "nearest", "lanczos", "box", "hamming"):
        inputs: dict[str, Any] = {"mean": (0.48, 0.2, 0.4), "std": (0.2, 0.3, 0.4), "crop_pct": crop_pct}
        inputs |= {"crop_mode": crop_mode, "interpolation": interpolation, "input_size": (3, *size)}
        data = describe(TIMM | {"pretrained_cfg": inputs}, {}).data
        transform: Any = create_transform(**inputs)
        compare(data, lambda image, transform=transform: transform(image)[None], mode="RGB")
        compare(data, lambda image, transform=transform: transform(image.convert("RGB"))[None], mode="L")


def test_the_size_of_a_timm_network_wins_over_the_size_of_its_origin() -> None:
    config = TIMM | {"model_args": {"img_size": [96, 224]}, "pretrained_cfg": {"input_size": [3, 224, 224]}}
    described = describe(config, {})
    assert described.config.img_size == described.data.img_size == (96, 224)
    config["model_args"] = {"img_size": 160, "in_chans": 1}
    config["pretrained_cfg"] |= {"mean": [0.5], "std": [0.5]}
    described = describe(config, {})
    assert (described.config.img_size, described.config.in_chans) == (160, 1)


def test_pixels_beyond_the_last_patch_are_not_seen() -> None:
    """Of a crop of 45 x 32 the patches cover 40 x 32, and so does the view."""
    data = DataConfig("", (40, 32), (0.5,) * 3, (0.5,) * 3, crop_pct=0.9, crop_size=(45, 32))
    whole = dataclasses.replace(data, img_size=(45, 32), crop_size=None)
    for name in SIZES:
        seen, all_of_it = (
            preprocess(draw_picture(name), config=data),
            preprocess(draw_picture(name), config=whole),
        )
        assert torch.equal(seen.pixels, all_of_it.pixels[:, :, :40, :32])
        assert seen.view.size[0] * 40 == seen.view.size[1] * 32
        cut = all_of_it.view.crop((0, 0, all_of_it.view.width, all_of_it.view.height * 40 // 45))
        difference = np.asarray(cut.resize((32, 40), Image.Resampling.BOX), np.float32)
        difference -= np.asarray(seen.view.resize((32, 40), Image.Resampling.BOX), np.float32)
        assert np.abs(difference).mean() < 3, name


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("crop_pct", [0.8, 1.0])
def test_the_view_is_the_crop_that_the_model_sees(mode: Any, crop_pct: float) -> None:
    """Shrunk to the model's size it is the model's input, borders and squashed shapes included."""
    data = DataConfig("", (24, 32), (0.2, 0.5, 0.7), (1.0, 1.0, 1.0), "box", crop_pct, crop_mode=mode)
    for name in ("square", "wide", "tall", "thin"):
        width, height = SIZES[name]
        coarse = draw_picture(name).resize((4, 4)).resize((4 * width, 4 * height), Image.Resampling.BICUBIC)
        prepared = preprocess(coarse, config=data)
        assert prepared.view.size[0] * 24 == prepared.view.size[1] * 32
        assert max(prepared.view.size) >= VIEW_SIZE
        shrunk = np.asarray(prepared.view.resize((32, 24), Image.Resampling.BOX), np.float32) / 255
        seen = prepared.pixels[0].permute(1, 2, 0).numpy() + np.array(data.mean, np.float32)
        # A border begins at a whole pixel of the model's input; within, the two ways of resizing differ.
        assert np.abs(shrunk - seen).max() < 0.12, name
        assert np.abs(shrunk - seen).mean() < 0.02, name
