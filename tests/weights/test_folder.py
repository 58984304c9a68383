"""vitdemo's own format in a local folder: what is saved comes back, and what is wrong is named."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.weights.hub import make_probe
from tests.weights.samples import CLASSES, CONFIG, DATA, compute_logits, write_own, write_tensors
from vitdemo.kinds import to_json
from vitdemo.models import build_model
from vitdemo.weights import WeightsError, load_model, reading, save_model, store
from vitdemo.weights.names import resolve_name


def edit(path: Path, **changes: Any) -> None:
    """Set keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("half", [False, True])
def test_a_saved_model_comes_back(tmp_path: Path, half: bool) -> None:
    model = write_own(tmp_path / "mine", half=half)
    loaded = load_model(str(tmp_path / "mine"))
    rounding = 2e-3 if half else 0.0
    torch.testing.assert_close(loaded.model(make_probe(16)), compute_logits(model, 16), rtol=0, atol=rounding)
    assert (loaded.spec.config, loaded.spec.data, loaded.classes) == (CONFIG, DATA, CLASSES)
    assert (loaded.spec.title, loaded.origin.source) == ("mine", "folder mine")
    assert not loaded.model.training
    assert {(p.dtype, p.requires_grad) for p in loaded.model.parameters()} == {(torch.float32, False)}


def test_folders_that_tell_no_checksum_are_taken(tmp_path: Path) -> None:
    model = write_own(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["sha256"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    torch.testing.assert_close(
        load_model(str(tmp_path)).model(make_probe(16)), compute_logits(model, 16), rtol=0, atol=0
    )


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_what_a_wrapper_put_before_every_name_is_left_out(tmp_path: Path, prefix: str) -> None:
    model = write_own(tmp_path)
    write_tensors(tmp_path, {f"{prefix}{name}": value for name, value in model.state_dict().items()})
    theirs = compute_logits(model, 16)
    torch.testing.assert_close(load_model(str(tmp_path)).model(make_probe(16)), theirs, rtol=0, atol=0)
    some = {(prefix if "blocks" in name else "") + name: v for name, v in model.state_dict().items()}
    write_tensors(tmp_path, some)
    with pytest.raises(WeightsError, match="is missing"):
        load_model(str(tmp_path))


def test_a_loaded_model_does_not_need_its_file(tmp_path: Path) -> None:
    """Numbers that were only mapped from the file would end the process when it is cut short."""
    model = write_own(tmp_path)
    loaded = load_model(str(tmp_path))
    os.truncate(tmp_path / "model.safetensors", 0)
    torch.testing.assert_close(loaded.model(make_probe(16)), compute_logits(model, 16), rtol=0, atol=0)


def test_bundled_models_are_looked_up_in_the_models_folder(tmp_path: Path) -> None:
    write_own(tmp_path / "vit_cifar10")
    loaded = load_model("vit_cifar10", models_dir=tmp_path)
    assert (loaded.spec.key, loaded.spec.config) == ("vit_cifar10", CONFIG)
    assert loaded.origin.source == "folder vit_cifar10"
    with pytest.raises(WeightsError, match=r"bundled model 'lightvit_cifar10' is not in the models folder"):
        load_model("lightvit_cifar10", models_dir=tmp_path)


def test_a_broken_write_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_own(tmp_path)

    def full_disk(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(store, "save_file", full_disk)
    with pytest.raises(OSError, match="disk full"):
        save_model(tmp_path, model=model, name="new", data=DATA, classes=CLASSES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    assert load_model(str(tmp_path)).spec.title == "mine"


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_cannot_be_read_is_named_without_its_path(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read all, so that the refusal is played."""
    write_own(tmp_path)

    def refuse(path: Path, *_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    where: tuple[Any, str] = (Path, "read_text") if name == "config.json" else (reading, "load_file")
    monkeypatch.setattr(*where, refuse)
    with pytest.raises(WeightsError) as caught:
        store.read_folder(tmp_path, label="it")
    assert str(caught.value) == f"{name} of it cannot be read (Permission denied)"


def test_classes_must_match_the_outputs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="classes has 1 names, the model has 3 outputs"):
        save_model(tmp_path, model=build_model(CONFIG), name="x", data=DATA, classes=["one"])


def misshape(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    write_tensors(folder, tensors | {"blocks.0.attn.qkv.weight": torch.zeros(5, 64)})


def lose_and_find(folder: Path, *, lost: str = "", found: str = "") -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors.pop(lost, None)
    write_tensors(folder, tensors | ({found: torch.zeros(1)} if found else {}))


def truncate(folder: Path, *, told: bool) -> None:
    os.truncate(folder / "model.safetensors", 5000)
    if not told:
        edit(folder / "config.json", sha256=None)


def flip(folder: Path) -> None:
    """The lowest bit of the last byte: of a number that stays finite."""
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-4] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def recast(folder: Path, kind: torch.dtype) -> None:
    tensors = load_file(folder / "model.safetensors")
    write_tensors(folder, {**tensors, "pos_embed": tensors["pos_embed"].to(kind)})


def spoil(folder: Path, value: float) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["blocks.1.mlp.fc2.weight"][3, 5] = value
    write_tensors(folder, tensors)


def write_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


DAMAGE = {
    "shape": (misshape, r"blocks.0.attn.qkv.weight has shape \(5, 64\), the model needs \(192, 64\)"),
    "missing": (lambda f: lose_and_find(f, lost="pos_embed"), "pos_embed is missing"),
    "unknown": (lambda f: lose_and_find(f, found="neck.bias"), "neck.bias is unknown"),
    "truncated": (lambda f: truncate(f, told=False), "model.safetensors of .* is truncated or damaged"),
    "truncated, told": (lambda f: truncate(f, told=True), "model.safetensors of .* is damaged: its sha256"),
    "one bit": (flip, "model.safetensors of .* is damaged: its sha256 is not the one in config.json"),
    "int8": (lambda f: recast(f, torch.int8), "pos_embed holds int8, not floats"),
    "NaN": (lambda f: spoil(f, math.nan), "blocks.1.mlp.fc2.weight has numbers that are not finite"),
    "infinite": (lambda f: spoil(f, -math.inf), "blocks.1.mlp.fc2.weight has numbers that are not finite"),
    "pickle": (write_pickle, "holds pytorch_model.bin, a pickle"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "has no model.safetensors"),
    "no config": (lambda f: (f / "config.json").unlink(), "has no config.json"),
    "not JSON": (lambda f: (f / "config.json").write_text("{"), "config.json of .* is not valid JSON"),
    "no object": (lambda f: (f / "config.json").write_text("[]"), "config.json of .* is not a JSON object"),
    "config key": (lambda f: edit(f / "config.json", colour=1), "unknown key 'colour'"),
    "model key": (
        lambda f: edit(f / "config.json", model=to_json(CONFIG) | {"dept": 3}),
        "unknown key 'dept'; did you mean 'depth'",
    ),
    "version": (lambda f: edit(f / "config.json", version=2), "version 2 is not known"),
    "format": (
        lambda f: edit(f / "config.json", format="other"),
        "none of vitdemo, timm, transformers and OpenCLIP",
    ),
    "classes": (lambda f: edit(f / "config.json", classes=["a"]), "classes has 1 names, num_classes is 3"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_is_wrong_with_a_folder_is_named(tmp_path: Path, kind: str) -> None:
    write_own(tmp_path)
    harm, message = DAMAGE[kind]
    harm(tmp_path)
    with pytest.raises(WeightsError, match=message):
        load_model(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "resolved"),
    [
        ("hf_hub:me/my_vit@v2", "hf-hub:me/my_vit@v2"),
        ("hf-hub:me/my_vit", "hf-hub:me/my_vit"),
        ("local-dir:my/folder", "my/folder"),
        ("vit_small_patch14_dinov2", "hf-hub:timm/vit_small_patch14_dinov2.lvd142m"),
        ("vit_tiny_patch16_224.augreg_in21k", "hf-hub:timm/vit_tiny_patch16_224.augreg_in21k"),
        ("vit_tiny_patch16_224_in21k", "hf-hub:timm/vit_tiny_patch16_224.augreg_in21k"),
        ("vit_base_patch16_clip_quickgelu_224.openai", "vit_base_patch16_clip_quickgelu_224.openai"),
        ("resnet50", "resnet50"),
        ("tests", "tests"),
    ],
)
def test_timms_spellings_and_names_are_ours(name: str, resolved: str) -> None:
    """CLIP's with quick GELU lie in a repository that has the name of the one without."""
    assert resolve_name(name) == resolved


def test_a_folder_may_be_spelled_as_timm_does(tmp_path: Path) -> None:
    write_own(tmp_path / "mine")
    assert load_model(f"local-dir:{tmp_path / 'mine'}").origin.source == "folder mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vit_cifar", "Unknown model 'vit_cifar'.* did you mean 'vit_cifar10'?"),
        ("timm/vit_tiny", "Unknown model .* did you mean 'hf-hub:timm/vit_tiny'?"),
        ("https://huggingface.co/timm/vit_tiny/", "Unknown model .* did you mean 'hf-hub:timm/vit_tiny'?"),
        ("some/model.pth", "model.pth is a pickle"),
        ("hf-hub:one/two/three", "not of the form hf-hub:owner/repo"),
        ("hf-hub:me/a..b", "'me/a..b' is not a valid name"),
    ],
)
def test_names_that_mean_nothing(name: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        load_model(name)
