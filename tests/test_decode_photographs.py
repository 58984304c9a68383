"""Ordinary pictures keep every pixel: compared with other decoders, and with the plain form of each rule."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps
from torchvision.io import ImageReadMode, decode_image

from tests import handmade
from tests.corpus_entry import store
from vitdemo.decode import BadImage, decode
from vitdemo.examples import example_paths
from vitdemo.limits import Limits

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16")
TIFF_MODES = ("1", "L", "P", "RGB", "RGBA", "CMYK", "LAB")
FAST = settings(max_examples=100, database=None)


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """0.4 megapixels of what cameras see: smooth areas, edges, noise."""
    whole = Image.new("RGB", (768, 557))
    for place, path in enumerate(example_paths().values()):
        with Image.open(path) as part:
            whole.paste(part.convert("RGB").resize((256, 160)), (256 * (place % 3), 160 * (place // 3)))
    noise = np.random.default_rng(0).normal(0, 6, (557, 768, 3))
    return Image.fromarray(np.clip(np.asarray(whole) + noise, 0, 255).astype(np.uint8))


def decode_plainly(data: bytes) -> np.ndarray:
    """Pillow's own way, all at once and at full size."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        *(("JPEG", mode, {"quality": 90}) for mode in ("L", "RGB", "CMYK")),
        ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
        *(("PNG", mode, {}) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")),
        *(
            ("TIFF", mode, {"compression": "tiff_lzw"})
            for mode in ("1", "L", "P", "RGB", "RGBA", "CMYK", "LAB")
        ),
        *(("WEBP", mode, {}) for mode in ("RGB", "RGBA")),
        *(("BMP", mode, {}) for mode in ("1", "L", "RGB", "RGBA")),
        ("GIF", "P", {}),
        ("AVIF", "RGB", {"speed": 10}),
    ],
)
def test_a_photograph_has_the_pixels_that_pillow_gives(
    photograph: Image.Image, kind: str, mode: str, options: dict
) -> None:
    image = photograph.copy()
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        image = (
            ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), lab, outputMode="LAB") or image
        )
    data = store(image.convert(mode), kind, **options)
    assert np.array_equal(np.asarray(decode(data)), decode_plainly(data))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torchvision")
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_torchvision_sees_the_same(photograph: Image.Image, kind: str) -> None:
    data = store(photograph, kind)
    seen = decode_image(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode.RGB)
    far = np.abs(np.asarray(decode(data)).astype(int) - seen.permute(1, 2, 0).numpy())
    assert far.max() <= (2 if kind == "JPEG" else 0)  # another build of libjpeg may round another way


def test_a_profile_is_applied_as_by_little_cms_at_once(photograph: Image.Image) -> None:
    profile = handmade.write_linear_profile(b"RGB ")
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    wanted = ImageCms.profileToProfile(photograph, source, target, outputMode="RGB")
    assert np.array_equal(
        np.asarray(decode(store(photograph, "PNG", icc_profile=profile))), np.asarray(wanted)
    )


def test_every_16_bit_grey_is_divided_by_257() -> None:
    values = np.arange(65536).reshape(256, 256)
    data = store(Image.fromarray(values.astype(np.uint16)), "PNG")
    assert np.array_equal(np.asarray(decode(data))[..., 0], (values + 128) // 257)


@pytest.mark.parametrize(("megabytes", "factor"), [(34, 1), (30, 2), (28, 4)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_what_does_not_fit_is_averaged_and_what_fits_is_not(
    photograph: Image.Image, megabytes: int, factor: int, orientation: int
) -> None:
    """Of 1.7 megapixels: 16 MB are reserved, the file has 5, the picture 6.5, the result 6.5 / factor²."""
    image = photograph.resize((1536, 1113))
    data = store(image, "PNG", compress_level=0, exif=handmade.write_exif(orientation))
    found = decode(data, limits=Limits(picture_megabytes=megabytes))
    if orientation == 6:
        found = found.transpose(Image.Transpose.ROTATE_90)
    assert found.size == (-(-1536 // factor), -(-1113 // factor))
    rows, columns = 1113 // factor, 1536 // factor
    whole = np.asarray(image)[: factor * rows, : factor * columns].astype(float)
    wanted = whole.reshape(rows, factor, columns, factor, 3).mean(axis=(1, 3))
    assert np.abs(np.asarray(found)[:rows, :columns] - wanted).max() <= 0.51


def test_each_limit_is_told(photograph: Image.Image) -> None:
    data, memory = (
        store(photograph.resize((1500, 1088)), "BMP"),
        r"decoding it takes \d\d MB of memory; the limit is 15 MB\.$",
    )
    for limits, words in (
        (Limits(picture_megabytes=15), memory),
        (Limits(megapixels=1), r"the limit is 1 megapixels\.$"),
        (Limits(aspect=1), r"is 1500 x 1088 pixels; the long edge may be at most 1 times the short one\.$"),
    ):
        with pytest.raises(BadImage, match=words):
            decode(data, limits=limits)


@FAST
@given(st.sampled_from(MODES), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_small_pictures_of_every_mode_come_back(mode: str, width: int, height: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    if mode == "I;16":
        values = draw.integers(0, 65536, (height, width))
        image, wanted = Image.fromarray(values.astype(np.uint16)), (values[..., None] + 128) // 257
    else:
        bands = len(Image.new(mode, (1, 1)).getbands())
        values = draw.integers(0, 256, (height, width, bands)).astype(np.uint8)
        raw = values if mode != "1" else 255 * (values // 128)
        image = Image.frombytes("L" if mode == "1" else mode, (width, height), raw.tobytes()).convert(mode)
        wanted = convert_by_hand(mode, raw.astype(float))
        if mode == "P":
            image.putpalette([255 - number // 3 for number in range(768)])
    for source in (image, store(image, "TIFF" if mode == "CMYK" else "PNG")):
        assert np.abs(np.asarray(decode(source)) - wanted).max() <= 1


def convert_by_hand(mode: str, values: np.ndarray) -> np.ndarray:
    """Return RGB on white, in floating point."""
    if mode == "CMYK":
        return 255 * (1 - values[..., :3] / 255) * (1 - values[..., 3:] / 255)
    if mode in ("LA", "RGBA"):
        share = values[..., -1:] / 255
        return np.broadcast_to(values[..., :-1] * share + 255 * (1 - share), (*values.shape[:2], 3))
    return np.broadcast_to(255 - values if mode == "P" else values, (*values.shape[:2], 3))
