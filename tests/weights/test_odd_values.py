"""Odd values in config.json and preprocessor_config.json: one sentence that names the key."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.weights.samples import CONFIG, DATA, write_own
from tests.weights.test_pixels import VIT
from vitdemo.kinds import to_json
from vitdemo.weights import WeightsError
from vitdemo.weights.store import read_description

CROP = {"size": 40, "do_center_crop": True}
PROCESSORS: list[tuple[dict[str, Any], str]] = [
    ({"do_resize": False}, "do_resize must be true"),
    ({"do_resize": None}, "do_resize must be true"),
    ({"do_resize": "no"}, "do_resize must be true or false or null, got 'no'"),
    ({"do_pad": True}, "do_pad must be false"),
    ({"size": 64}, "size is 64 x 64, but image_size is 32 x 32"),
    ({"do_rescale": True}, "size is 224 x 224, but image_size is 32 x 32"),
    ({"size": None}, "size must be .*, got None"),
    ({"size": "large"}, "size must be .*, got 'large'"),
    ({"size": {"shortest_edge": 32}}, "do_center_crop must be true where size"),
    ({"size": {"longest_edge": 32}}, r"size must have height and width, got \['longest_edge'\]"),
    ({"size": {"height": 32}}, r"size must have height and width, got \['height'\]"),
    ({"size": {"height": 32, "width": "32"}}, r"size must be .*, got \(32, '32'\)"),
    ({"size": 0}, "size must be from 1 to 16,384"),
    (CROP, "the key 'crop_size' is missing"),
    (CROP | {"crop_size": None}, "crop_size must be .*, got None"),
    (CROP | {"crop_size": 33}, "crop_size is 33 x 33, but image_size is 32 x 32"),
    ({"size": 31, "do_center_crop": True, "crop_size": 32}, "crop_size 32 x 32 is larger than size 31 x 31"),
    (CROP | {"size": [40, 60], "crop_size": 32}, "crop_size 32 x 32 must have the shape of size 40 x 60"),
    (CROP | {"size": 16384, "crop_size": 32}, "crop_pct must be from 0.1 to 1"),
    ({"size": 32, "image_mean": None}, "image_mean must be a number or a list of numbers, got None"),
    ({"size": 32, "image_mean": "grey"}, "image_mean must be .*, got 'grey'"),
    ({"size": 32, "image_mean": [0.5]}, "image_mean has 1 values, but num_channels is 3"),
    ({"size": 32, "image_mean": [0.5, 0.5, "x"]}, "image_mean must be "),
    ({"size": 32, "image_mean": math.nan}, "image_mean must be .*, got nan"),
    ({"size": 32, "image_std": 0}, "image_std must be from 1e-06"),
    ({"size": 32, "image_std": [0.5, 0.0, 0.5]}, "image_std must be from 1e-06"),
    ({"size": 32, "image_std": [0.5, 0.5, 0.5, 0.5]}, "image_std has 4 values, but num_channels is 3"),
    ({"size": 32, "rescale_factor": 0}, "rescale_factor must be from"),
    ({"size": 32, "rescale_factor": "1/255"}, "rescale_factor must be a number, got '1/255'"),
    ({"size": 32, "resample": 7}, "resample must be from 0 to 5, got 7"),
    ({"size": 32, "resample": "bicubic"}, "resample must be a whole number"),
    ({"image_processor_type": "ConvNextImageProcessor"}, "image_processor_type 'ConvNextImageProcessor' is"),
    ({"image_processor_type": 3}, "image_processor_type must be text, got 3"),
]
TRANSFORMERS: list[tuple[dict[str, Any], str]] = [
    ({"hidden_size": "48"}, "hidden_size must be a whole number, got '48'"),
    ({"hidden_size": 0}, "hidden_size must be from 1"),
    ({"hidden_size": 49}, "embed_dim 49 is not divisible by num_heads 3"),
    ({"num_attention_heads": 0}, "num_attention_heads must be from 1"),
    ({"num_hidden_layers": 10**9}, "num_hidden_layers must be from 1 to 256, got 1000000000"),
    ({"image_size": None}, "image_size must be .*, got None"),
    ({"image_size": 6}, "img_size 6 x 6 is less than patch_size 8 x 8"),
    ({"image_size": [32, 32, 32]}, "image_size must be a whole number or a list of 2 whole numbers"),
    ({"patch_size": 0}, "patch_size must be from 1"),
    ({"num_channels": 2}, "mean must have 3 values, or 1 for grey pictures, got 2"),
    ({"layer_norm_eps": "small"}, "layer_norm_eps must be a number"),
    ({"layer_norm_eps": -1}, "norm_eps must be from 0 to 1"),
    ({"hidden_act": "relu"}, "hidden_act 'relu' is not known"),
    ({"model_type": None}, "model_type must be text, got None"),
    ({"model_type": "bert"}, "model_type 'bert' is not known, only clip, siglip, vit"),
    ({"architectures": "ViTModel"}, "architectures must be a list of texts"),
    ({"id2label": ["a", "b"]}, "id2label must be an object"),
    ({"id2label": {"0": "a", "2": "b"}}, "id2label must name each index from 0 to 1"),
    ({"id2label": {"zero": "a"}}, "id2label must name each index from 0 to 0"),
    ({"id2label": {"0": 7}}, "id2label must be a list of texts"),
    ({"num_labels": -1}, "num_labels must be from 0"),
    ({"problem_type": "regression"}, "problem_type 'regression' is not known, only classification is"),
]
INPUTS = {"input_size": [3, 32, 32], "mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 0.9}
TIMM = {"architecture": "vit_tiny_patch16_224", "num_classes": 2, "pretrained_cfg": INPUTS}
TIMM_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"architecture": None}, "architecture must be text, got None"),
    ({"pretrained_cfg": [1]}, r"pretrained_cfg must be an object, got \[1\]"),
    ({"num_classes": "ten"}, "num_classes must be a whole number, got 'ten'"),
    ({"num_classes": -1}, "num_classes must be from 0"),
    ({"global_pool": "max"}, "global_pool must be one of token, avg, .*, map, got 'max'"),
    ({"model_args": [1]}, "model_args must be an object"),
    ({"model_args": {"img_size": 0}}, "img_size must be from 1"),
    ({"model_args": {"img_size": "224"}}, "img_size must be .*, got '224'"),
    ({"model_args": {"img_size": [224]}}, "img_size must be "),
    ({"model_args": {"pos_embed": "none"}}, "unknown key 'pos_embed'"),
    ({"label_names": ["a"]}, "label_names has 1 names, num_classes is 2"),
    ({"label_names": {"5": "a"}}, "label_names must be names by index, from 0 to 1"),
    ({"label_names": ["a", None]}, "label_names must be a list of texts"),
    ({"label_names": {"0": 1}}, "label_names must be a list of texts"),
    ({"label_descriptions": ["x"]}, "label_descriptions must be an object"),
]
TIMM_INPUTS: list[tuple[dict[str, Any], str]] = [
    ({"input_size": [3, 32]}, "input_size must be a list of 3 whole numbers"),
    ({"input_size": [1, 32, 32]}, "the mean has 3 values, but the network takes 1 channels"),
    ({"mean": [0.5]}, "std must have as many values as mean, 1, got 3"),
    ({"mean": 0.5}, "mean must be a list of numbers, got 0.5"),
    ({"std": [0, 1, 1]}, "std must be from 1e-06"),
    ({"crop_pct": 0}, "crop_pct must be from 0.1 to 1"),
    ({"crop_pct": "0.9"}, "crop_pct must be a number"),
    ({"crop_pct": 1.5}, "crop_pct must be from 0.1 to 1"),
    ({"crop_mode": "stretch"}, "crop_mode must be one of center, squash, border, got 'stretch'"),
    ({"interpolation": "random"}, "interpolation must be one of nearest, box, bilinear"),
]
OWN: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model must be an object, got None"),
    ({"classes": "abc"}, "classes must be a list of texts"),
    ({"classes": ["a", "b", 3]}, "classes must be a list of texts"),
    ({"name": 3}, "name must be text"),
    ({"sha256": 3}, "sha256 must be text"),
    ({"data": to_json(DATA) | {"img_size": 32}}, "img_size is 32 in data, but 16 in model"),
    ({"data": to_json(DATA) | {"std": [1, 1, math.inf]}}, "std must be a list of numbers"),
    ({"data": to_json(DATA) | {"std": [1e-9, 1, 1]}}, "std must be from 1e-06"),
    ({"model": to_json(CONFIG) | {"prune": {}}}, "PruneConfig: the key 'prune_loc' is missing"),
    (
        {"model": to_json(CONFIG) | {"prune": {"prune_loc": [0.5]}}},
        "prune_loc must be a list of whole numbers",
    ),
    ({"model": to_json(CONFIG) | {"init_values": "x"}}, "init_values must be a number or null"),
    ({"model": to_json(CONFIG) | {"mlp_ratio": 0}}, "mlp_ratio must be from 0.01"),
    ({"model": to_json(CONFIG) | {"embed_dim": 10**12}}, "embed_dim must be from 1 to 65,536"),
    ({"model": to_json(CONFIG) | {"norm_eps": 10**400}}, "norm_eps must be a number"),
]


def expect_refused(
    folder: Path, config: dict[str, Any], words: str, processor: dict[str, Any] | None = None
) -> None:
    (folder / "config.json").write_text(json.dumps(config))
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    with pytest.raises(WeightsError, match=f"^config.json of it: .*{words}") as caught:
        read_description(folder, label="it")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(("flags", "words"), PROCESSORS)
def test_a_flag_of_the_processor_is_named(tmp_path: Path, flags: dict[str, Any], words: str) -> None:
    expect_refused(tmp_path, VIT, words, flags)


@pytest.mark.parametrize(("changes", "words"), TRANSFORMERS)
def test_a_key_of_transformers_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    expect_refused(tmp_path, VIT | changes, words)


@pytest.mark.parametrize(("changes", "words"), TIMM_VALUES)
def test_a_key_of_timm_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    expect_refused(tmp_path, TIMM | changes, words)


@pytest.mark.parametrize(("changes", "words"), TIMM_INPUTS)
def test_a_key_of_timms_pretrained_cfg_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    expect_refused(tmp_path, TIMM | {"pretrained_cfg": INPUTS | changes}, words)


@pytest.mark.parametrize(("changes", "words"), OWN)
def test_a_key_of_ours_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    write_own(tmp_path)
    expect_refused(tmp_path, json.loads((tmp_path / "config.json").read_text()) | changes, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "config.json of it is not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "config.json of it is not valid JSON"),
        ('{"a": "' + "x" * 2**21 + '"}', "config.json of it is larger than 2 MB"),
        ("\ud83d".encode("utf-8", "surrogatepass").decode("latin-1"), "config.json of it is not valid JSON"),
    ],
    ids=["deep", "a long number", "large", "odd characters"],
)
def test_a_file_that_is_no_json_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(WeightsError, match=words):
        read_description(tmp_path, label="it")
