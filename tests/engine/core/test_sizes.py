"""At what size a picture is read: as asked for, in whole patches, within the memory of a record."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.bundle import KEYS, LAB_MODEL, draw_picture
from tests.models.nets import make_pictures, make_small
from tests.small_bundle import write_small_models
from vitdemo import cost
from vitdemo.config import ViTConfig, as_pair
from vitdemo.data import preprocess
from vitdemo.engine import Engine, Look, Request
from vitdemo.engine.answers import sanity
from vitdemo.engine.core.sizes import choose_spec, find_largest, offer_sizes, shape_grid
from vitdemo.limits import MEGABYTE, Limits
from vitdemo.models.twin import make_twin
from vitdemo.recording import record
from vitdemo.registry import MODELS, ModelSpec
from vitdemo.weights import load_model

SPEC = MODELS[LAB_MODEL]
DINO = ViTConfig(img_size=518, patch_size=14, embed_dim=768, num_heads=12, num_classes=0)
WIDE = draw_picture()  # 96 x 64


def choose(size: str, spec: ModelSpec = SPEC, megabytes: float = 256.0, picture=(96, 64)) -> ModelSpec:
    return choose_spec(spec, size, picture=picture, limits=Limits(trace_megabytes=megabytes))


def of_config(config: ViTConfig) -> ModelSpec:
    return replace(SPEC, config=config, data=replace(SPEC.data, img_size=config.img_size, crop_pct=0.875))


@pytest.mark.parametrize(
    ("config", "size", "pixels"),
    [
        (DINO, "224", (224, 224)),
        (DINO, "230", (224, 224)),
        (DINO, "14", (14, 14)),
        (replace(DINO, img_size=(224, 448)), "112", (112, 224)),
        (replace(DINO, img_size=(448, 224)), "112", (224, 112)),
        (replace(DINO, img_size=(28, 56), patch_size=(14, 28)), "56", (56, 112)),
    ],
)
def test_a_number_is_the_short_side_in_whole_patches(
    config: ViTConfig, size: str, pixels: tuple[int, int]
) -> None:
    chosen = choose(size, of_config(config), 1024)
    assert as_pair(chosen.config.img_size) == as_pair(chosen.data.img_size) == pixels
    assert replace(chosen.config, img_size=config.img_size) == config
    assert chosen.data.crop_pct == 0.875


@pytest.mark.parametrize("picture", [(64, 64), (96, 64), (64, 96), (640, 64), (50, 1), (1, 50), (33, 32)])
def test_an_own_shape_is_the_whole_picture_in_no_more_patches(picture: tuple[int, int]) -> None:
    chosen = choose("own", picture=picture)
    rows, columns = chosen.config.grid
    assert 0.6 * SPEC.config.num_patches <= chosen.config.num_patches <= SPEC.config.num_patches
    ratio = picture[0] / picture[1]
    assert abs(columns - ratio * rows) <= max(1.0, ratio / 2), "within half a patch of the shorter side"
    assert (chosen.data.crop_pct, chosen.data.crop_mode) == (1.0, "center")
    height, width = as_pair(chosen.data.img_size)
    image = Image.fromarray(np.zeros((picture[1], picture[0], 3), np.uint8))
    assert preprocess(image, config=chosen.data).pixels.shape == (1, 3, height, width)


def test_no_picture_is_read_in_more_pixels_than_there_is_room_for() -> None:
    """However few patches they are in, and however much of a long picture is cut off after the resize."""
    large = of_config(ViTConfig(img_size=4096, patch_size=256, embed_dim=4, num_heads=1, depth=1))
    assert choose("", large).config.img_size == choose("own", large, picture=(1, 1)).config.img_size == 2048
    assert as_pair(choose("own", large, picture=(50, 1)).config.img_size) == (256, 12800)
    thin = replace(large.data, img_size=(4, 1600), crop_pct=1.0)
    with pytest.raises(
        ValueError, match=r"^The shape of this picture, 20 × 1000, is too far from the network"
    ):
        preprocess(Image.new("RGB", (20, 1000)), config=thin)
    flat = replace(large.data, img_size=(1, 2048), crop_pct=0.1, crop_mode="squash")
    with pytest.raises(
        ValueError, match=r"^The shape of this picture, 80 × 4000, is too far from the network"
    ):
        preprocess(Image.new("RGB", (80, 4000)), config=flat)


def test_an_own_shape_counts_pixels_not_patches() -> None:
    assert shape_grid(replace(DINO, patch_size=(14, 7)), (100, 100), 64) == (5, 10)


def test_nothing_is_larger_than_its_record_may_be() -> None:
    spec = of_config(DINO)
    limit = 300.0
    for size in ("", "own"):
        grid = choose(size, spec, limit).config
        assert cost.trace_bytes(grid) <= limit * MEGABYTE < cost.trace_bytes(DINO)
    rows, columns = find_largest(DINO, Limits(trace_megabytes=limit))
    larger = replace(DINO, img_size=(14 * (rows + 1), 14 * (columns + 1)))
    assert cost.trace_bytes(larger) > limit * MEGABYTE
    with pytest.raises(ValueError, match="size must be") as told:
        choose("518", spec, limit)
    assert str(told.value) == f"size must be from 14 to {14 * rows} pixels for {spec.title} here, got 518"
    assert choose(str(14 * rows), spec, limit).config.grid == (rows, columns)


@pytest.mark.parametrize("size", ["13", "99999", "0"])
def test_a_size_out_of_range_is_told_the_range(size: str) -> None:
    with pytest.raises(ValueError, match=rf"^size must be from 14 to [0-9]+ pixels for .* here, got {size}$"):
        choose(size, of_config(DINO))


@pytest.mark.parametrize("size", ["large", "-32", "22.5", "224px", "²", " 32", "1" * 5000])
def test_what_is_no_size_is_told_so(size: str) -> None:
    with pytest.raises(ValueError, match="size must be own or a number of pixels"):
        choose(size)


@pytest.mark.parametrize("classes", [0, 5])
@pytest.mark.parametrize("kind", ["softmax", "linear"])
def test_a_record_takes_what_was_predicted(kind: str, classes: int) -> None:
    net = make_small(attention=kind, num_classes=classes, img_size=(12, 20), reg_tokens=2)
    pixels = make_pictures(net.config, 1)
    first, second = record(net, pixels), record(net, pixels, grads=bool(classes))
    tensors = [*first.attn, *second.attn, *(second.attn_grad or ())]
    for trace in (first, second):
        tensors += [*trace.directions, *trace.token_norms]
    assert cost.trace_bytes(net.config) == sum(tensor.nbytes for tensor in tensors)


def test_only_what_fits_is_offered() -> None:
    spec = of_config(DINO)
    offered = list(offer_sizes(spec, Limits(trace_megabytes=8192)))
    assert offered == ["", "224", "336", "448", "672", "own"]
    small = offer_sizes(spec, Limits(trace_megabytes=300.0))
    assert list(small) == ["", "224", "own"]
    first, second, last = small.values()
    assert first.pixels == last.pixels == as_pair(choose("", spec, 300.0).config.img_size)
    assert (second.pixels, second.patches) == ((224, 224), 256)
    assert second.work == pytest.approx(cost.macs(replace(DINO, img_size=224)) / cost.macs(DINO))
    for size, one in offer_sizes(spec, Limits(trace_megabytes=8192)).items():
        assert size == one.size
        assert size == "own" or as_pair(choose(size, spec, 8192).config.img_size) == one.pixels


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("size", ["48", "own"])
def test_the_answer_is_that_of_the_network_at_that_size(
    key: str, size: str, engine: Engine, models: Path
) -> None:
    result = engine.open(Request(WIDE, key, 0.3, size=size))
    spec = choose(size, MODELS[key])
    net = make_twin(load_model(key, models_dir=models).model, spec.config)
    trace = record(net, preprocess(WIDE, config=spec.data).pixels)
    wanted_size = (48, 48) if size == "48" else (24, 36)
    assert result.analysis.input_size == as_pair(spec.config.img_size) == wanted_size
    assert trace.logits is not None
    wanted = trace.logits.softmax(-1).sort(descending=True).values[:5]
    found = torch.tensor([share for _, share in result.analysis.dense.top])
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    assert result.grid == trace.grid
    assert "not at the 32 × 32 that the network was trained for" in result.analysis.resized
    view = result.analysis.view
    assert view.width * trace.grid[0] == view.height * trace.grid[1]


def test_every_answer_of_an_oblong_result_is_about_its_own_grid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sanity, "DRAWS", 1)
    engine = Engine(device="cpu", models_dir=write_small_models(tmp_path))
    result = engine.open(Request(WIDE, LAB_MODEL, 0.3, size="own"))
    rows, columns = result.grid
    assert rows != columns
    for found in (result.attention(Look()), result.class_map(method="gradient-rollout")):
        assert (len(found.values), len(found.values[0])) == (rows, columns)
    assert result.lab.operate(drop=[rows * columns - 1]).tokens[0] == rows * columns - 1
    assert result.ratio_steps("")[0].tokens == (rows * columns,)
    exact = [check for check in result.inside.sanity().checks if check.kind != "randomised"]
    assert all(check.value <= check.limit for check in exact)
    assert result.trust().num_patches == rows * columns
    exported = result.export(Look())
    assert exported.facts["grid"] == [rows, columns]
    assert exported.facts["input_size"] == [8 * rows, 8 * columns]
    assert exported.arrays["dense_map_attention-rollout"].shape == (rows, columns)
    assert len(result.inside.walk()) == 10
    assert result.card().size == (1200, 630)


def test_sizes_are_remembered_apart_and_what_is_equal_together(engine: Engine) -> None:
    first = engine.open(Request(WIDE, LAB_MODEL, 0.3))
    before = engine.forwards
    assert engine.open(Request(WIDE, LAB_MODEL, 0.3, size="32")).key == first.key
    assert engine.forwards == before
    other = engine.open(Request(WIDE, LAB_MODEL, 0.3, size="48"))
    assert other.key != first.key
    assert engine.find(Request(WIDE, LAB_MODEL, 0.3, size="48")) is not None
    assert engine.find(Request(WIDE, LAB_MODEL, 0.3, size="24")) is None
    other.times()
    assert engine.find_times(other.analysis) is not None
    assert engine.find_times(first.analysis) is None
    assert first.analysis.resized == "" != other.analysis.resized


def test_a_plain_picture_has_a_result_for_each_shape(engine: Engine) -> None:
    grey = Image.new("RGB", (64, 64), (90, 90, 90))
    keys = {engine.open(Request(grey, LAB_MODEL, 0.3, size=size)).key for size in ("16", "32", "64")}
    assert len(keys) == 3


def test_what_was_measured_at_one_size_is_not_told_at_another() -> None:
    """Bundled networks have confidences of their validation and a ranking of maps, one knows the familiar."""
    engine = Engine(device="cpu")
    own, other = (engine.open(Request(WIDE, size=size)) for size in ("", "112"))
    assert own.analysis.resized == ""
    assert own.analysis.unfamiliar is not None
    assert other.analysis.unfamiliar is None
    own, other = (engine.open(Request(WIDE, "vit_cifar10", size=size)) for size in ("", "24"))
    assert own.classes()[0].judged > 0
    assert {one.judged for one in other.classes()} == {0}
    assert own.inside.rank_confidence() is not None
    assert other.inside.rank_confidence() is None


def test_a_small_limit_makes_the_network_s_own_size_smaller(models: Path) -> None:
    small = Engine(device="cpu", models_dir=models, limits=Limits(trace_megabytes=0.5))
    result = small.open(Request(WIDE, LAB_MODEL))
    assert max(result.analysis.input_size) < 32
    assert result.analysis.resized
    assert small.sizes(LAB_MODEL)[""].pixels == result.analysis.input_size


def test_the_largest_size_is_found_in_a_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's network may have patches of one pixel, and the menu asks with every answer."""
    config, asked = ViTConfig(img_size=2048, patch_size=1, embed_dim=4, num_heads=1, depth=1), []
    count = cost.trace_bytes
    monkeypatch.setattr(cost, "trace_bytes", lambda *args: asked.append(1) or count(*args))
    rows, columns = find_largest(config, Limits())
    assert len(asked) < 15
    for side, fits in ((rows, True), (rows + 1, False)):
        assert (count(replace(config, img_size=side)) <= Limits().trace_megabytes * MEGABYTE) is fits
    assert rows == columns
