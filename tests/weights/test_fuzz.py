"""Configs, preprocessors and safetensors at random: a model or one WeightsError, and little memory."""

from __future__ import annotations

import copy
import json
import resource
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from tests.weights.samples import write_own, write_transformers
from tests.weights.test_odd_values import INPUTS, TIMM
from vitdemo.data import preprocess
from vitdemo.models import build_model
from vitdemo.weights import LoadedModel, WeightsError, load_model
from vitdemo.weights.formats import describe

FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
PICTURE = Image.effect_noise((40, 30), 50).convert("RGB")
NUMBERS = st.sampled_from([0, -1, 1, 2, 3, 7, 16, 10**9, 2**63, -(2**63), 10**300, 0.5, 1e-300, 1e308])
ODD = st.none() | st.booleans() | NUMBERS | st.floats() | st.text(max_size=5)
VALUES = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["height", "width", "shortest_edge", "0", "1", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A good folder of each format."""
    folder = tmp_path_factory.mktemp("folders")
    write_own(folder / "own")
    write_transformers(folder / "transformers", hub_names=True)
    inputs = INPUTS | {
        "interpolation": "bicubic",
        "crop_mode": "center",
        "tag": "x",
        "label_names": ["a", "b"],
    }
    config = TIMM | {"model_args": {"depth": 1, "embed_dim": 12, "img_size": 32}, "pretrained_cfg": inputs}
    (folder / "timm").mkdir()
    (folder / "timm" / "config.json").write_text(json.dumps(config))
    save_file(build_model(describe(config, {}).config).state_dict(), folder / "timm" / "model.safetensors")
    return {path.name: path for path in sorted(folder.iterdir())}


def try_load(folder: Path) -> LoadedModel | None:
    """Return the loaded model, whose answer to a picture is finite; None where one sentence refuses it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes, the highest so far
    words = ""
    try:
        loaded = load_model(str(folder))
    except WeightsError as error:
        loaded, words = None, str(error)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000
    if loaded is None:
        assert "\n" not in words
        assert len(words) < 500
        return None
    pixels = preprocess(PICTURE, config=loaded.spec.data).pixels
    assert pixels.isfinite().all()
    assert loaded.model(pixels).shape[1] == (loaded.model.config.num_classes or loaded.model.config.embed_dim)
    assert len(loaded.classes) == loaded.model.config.num_classes
    return loaded


def list_places(values: Any) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a JSON document."""
    items = (
        values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    )
    found: list[tuple[Any, ...]] = []
    for key, value in items:
        found += [(key,), *((key, *path) for path in list_places(value))]
    return found


def mutate(document: Any, data: st.DataObject) -> Any:
    """Return `document` with one to three values replaced, removed or added."""
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(list_places(document) or [("size",)]))
        target = document
        for key in path:
            target = target[key]
        action = data.draw(st.sampled_from(["replace", "replace", "remove", "add"]))
        if action == "remove":
            del target[last]
        elif action == "add" and isinstance(target, dict):
            target[data.draw(st.sampled_from(MORE))] = data.draw(VALUES)
        else:
            target[last] = data.draw(VALUES)
        document = document or {"size": 32}
    return document


MORE = ["size", "crop_size", "do_center_crop", "do_rescale", "rescale_factor", "image_std", "do_normalize"]
MORE += ["label_names", "label_descriptions", "id2label", "problem_type", "model_args", "sha256", "prune"]


@pytest.mark.parametrize("kind", ["own", "timm", "transformers"])
@FEW
@given(data=st.data())
def test_any_config_is_a_model_or_a_sentence(
    folders: dict[str, Path], kind: str, data: st.DataObject
) -> None:
    for name in ("config.json", "preprocessor_config.json"):
        path = folders[kind] / name
        if not path.is_file():
            continue
        good = path.read_text()
        path.write_text(json.dumps(mutate(json.loads(good), data)))
        try:
            try_load(folders[kind])
        finally:
            path.write_text(good)
    assert try_load(folders[kind]) is not None


@FEW
@given(text=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_for_a_config_are_a_sentence(folders: dict[str, Path], text: bytes) -> None:
    path = folders["transformers"] / "config.json"
    good = path.read_text()
    path.write_bytes(text)
    try:
        assert try_load(folders["transformers"]) is None
    finally:
        path.write_text(good)


def rewrite(folder: Path, header: bytes, body: bytes, length: int | None = None) -> LoadedModel | None:
    """Return what comes of a safetensors file of these parts; `length`: what it says of its header."""
    path = folder / "model.safetensors"
    good = path.read_bytes()
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + body)
    try:
        return try_load(folder)
    finally:
        path.write_bytes(good)


def cut_parts(folder: Path) -> tuple[dict[str, Any], bytes]:
    content = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**62, 2**63, 2**64 - 1])
def test_a_header_of_any_length_is_a_sentence(folders: dict[str, Path], length: int) -> None:
    header, body = cut_parts(folders["timm"])
    assert rewrite(folders["timm"], json.dumps(header).encode(), body, length) is None
    assert rewrite(folders["timm"], b"{" * 1000, body) is None


@FEW
@given(data=st.data())
def test_any_header_is_a_model_or_a_sentence(folders: dict[str, Path], data: st.DataObject) -> None:
    """Offsets that overlap or lie outside, other kinds and shapes, names that are not there."""
    header, body = cut_parts(folders["timm"])
    names = sorted(header.keys() - {"__metadata__"})
    for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=2)):
        key = data.draw(st.sampled_from(["dtype", "shape", "data_offsets"]))
        kinds = st.sampled_from(
            ["F16", "BF16", "F64", "I8", "U8", "BOOL", "I64", "F8_E4M3", "F8_E5M2", "C64", "F4"]
        )
        edges = st.lists(st.sampled_from([0, 1, 4, 12, 100, 2**40, 2**63, -1]), max_size=3)
        header[name][key] = data.draw(kinds | ODD if key == "dtype" else edges | ODD)
    rewrite(folders["timm"], json.dumps(header).encode(), body)


@FEW
@given(at=st.integers(0, 200), value=st.integers(0, 255), cut=st.integers(0, 400))
def test_any_byte_of_the_file_is_a_model_or_a_sentence(
    folders: dict[str, Path], at: int, value: int, cut: int
) -> None:
    path = folders["timm"] / "model.safetensors"
    good = path.read_bytes()
    content = bytearray(good)
    content[at] = value
    path.write_bytes(content[: len(content) - cut // 2])
    try:
        try_load(folders["timm"])
    finally:
        path.write_bytes(good)
