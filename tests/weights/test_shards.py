"""Weights in shards, and in OpenCLIP's file: the tensors of one file, and what is wrong is named."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.models import save_for_hf
from timm.models.vision_transformer import checkpoint_filter_fn
from torch import Tensor

from tests.weights.hub import make_probe
from tests.weights.samples import compute_logits, scatter, transformers, write_own, write_transformers
from tests.weights.test_transformers_families import build_member
from vitdemo.weights import WeightsError, load_model, reading
from vitdemo.weights.download import Address, Asking, Terms
from vitdemo.weights.hub import list_weights
from vitdemo.weights.store import read_folder
from vitdemo.weights.transfer import Abandoned
from vitdemo.weights.waiting import watch

INDEX = "model.safetensors.index.json"


def shard(folder: Path, pieces: int, *, prefix: str = "") -> None:
    """Put the weights of `folder` into `pieces` shards, as transformers names them."""
    tensors = sorted(load_file(folder / "model.safetensors").items())
    (folder / "model.safetensors").unlink()
    shards: dict[str, str] = {}
    for number in range(pieces):
        name = f"model-{number + 1:05}-of-{pieces:05}.safetensors"
        part = {prefix + key: tensor for key, tensor in tensors[number::pieces]}
        save_file(part, folder / name)
        shards |= dict.fromkeys(part, name)
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": shards}))


def edit_index(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    index = json.loads((folder / INDEX).read_text())
    change(index)
    (folder / INDEX).write_text(json.dumps(index))


@pytest.mark.parametrize("prefix", ["", "module."])
def test_shards_are_one_file(tmp_path: Path, prefix: str) -> None:
    theirs = write_transformers(tmp_path, hub_names=True)
    shard(tmp_path, 3, prefix=prefix)
    torch.testing.assert_close(
        load_model(str(tmp_path)).model(make_probe(32)), compute_logits(theirs, 32), rtol=0, atol=1e-4
    )


def test_shards_of_what_the_network_has_not_are_not_needed(tmp_path: Path) -> None:
    """Those of CLIP's tower for texts, as the library itself shards."""
    theirs = build_member("clip")
    theirs.save_pretrained(tmp_path, max_shard_size="20KB", save_original_format=True)
    transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32).save_pretrained(tmp_path)
    shards = json.loads((tmp_path / INDEX).read_text())["weight_map"]
    needed = {file for key, file in shards.items() if key.startswith("vision_model.")}
    others = set(shards.values()) - needed
    assert len(needed) > 1
    assert others
    for file in others:
        (tmp_path / file).unlink()
    wanted = theirs.vision_model(make_probe(32)).pooler_output
    torch.testing.assert_close(load_model(str(tmp_path)).model(make_probe(32)), wanted, rtol=0, atol=1e-4)


def repeat(folder: Path) -> None:
    first, second = sorted(folder.glob("model-*"))[:2]
    save_file(load_file(second) | {"classifier.bias": torch.zeros(3)}, second)
    assert "classifier.bias" in load_file(first)


def name_shards(name: Any) -> Callable[[Path], None]:
    return lambda folder: edit_index(folder, lambda index: index["weight_map"].update(a=name))


def name_many(count: int) -> dict[str, str]:
    return {f"blocks.{number}": f"{number}.safetensors" for number in range(count)}


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (
        lambda f: (f / "model-00002-of-00003.safetensors").unlink(),
        "it has no model-00002-of-00003.safetensors",
    ),
    "truncated": (
        lambda f: (f / "model-00003-of-00003.safetensors").write_bytes(b"\0" * 99),
        "model-00003-of-00003.safetensors of it is truncated or damaged",
    ),
    "twice": (
        repeat,
        "classifier.bias of it is in model-00001-of-00003.safetensors, and in model-00002-of-00003",
    ),
    "elsewhere": (name_shards("../secret.safetensors"), "weight_map must name files beside it"),
    "absolute": (name_shards("/etc/secret.safetensors"), "weight_map must name files beside it"),
    "a pickle": (name_shards("pytorch_model.bin"), "weight_map must name files beside it"),
    "no text": (name_shards(7), "weight_map must name files beside it that end in .safetensors, got 7"),
    "no map": (lambda f: edit_index(f, dict.clear), "index.json of it: the key 'weight_map' is missing"),
    "too many": (
        lambda f: edit_index(f, lambda index: index.update(weight_map=name_many(101))),
        "index.json of it: weights in 101 files, and at most 100 are read",
    ),
    "a long name": (name_shards("a" * 300 + ".safetensors"), "weight_map must name files beside it"),
    "no JSON": (lambda f: (f / INDEX).write_text("{"), "index.json of it is not valid JSON"),
    "no names": (
        lambda f: edit_index(f, lambda index: index.update(weight_map={})),
        "model.safetensors.index.json of it: .* is missing",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_is_wrong_with_shards_is_named(tmp_path: Path, kind: str) -> None:
    write_transformers(tmp_path, hub_names=True)
    shard(tmp_path, 3)
    harm, message = DAMAGE[kind]
    harm(tmp_path)
    with pytest.raises(WeightsError, match=message) as caught:
        read_folder(tmp_path, label="it")
    assert "\n" not in str(caught.value)


def write_index(folder: Path, count: int) -> Path:
    """Return `folder` with what describes a network in `count` shards, which are not there."""
    write_own(folder)
    (folder / "model.safetensors").unlink()
    (folder / INDEX).write_text(json.dumps({"weight_map": name_many(count)}))
    return folder


def test_each_shard_that_the_hub_tells_of_is_a_sign_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_at(asking: Asking, file: str, revision: str) -> Any:
        time.sleep(0.03)
        return SimpleNamespace(size=10)

    monkeypatch.setattr(Asking, "find", lambda asking, how, file, revision: file == INDEX)
    monkeypatch.setattr(Asking, "look_at", look_at)
    folder = write_index(tmp_path / "it", 20)
    sizes = watch(Address("me/it", "main"), Terms(0.3, 1), lambda asking: asking.find_weights(folder, ""))
    assert sum(sizes.values()) == 200


def test_nothing_more_is_asked_for_those_who_have_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, asked = Asking(Address("me/it", "main"), Terms(1.0, 1)), []
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *_, **__: asked.append(1))
    asking.look_at("1.safetensors", "main")
    asking.abandoned.set()
    with pytest.raises(Abandoned):
        asking.look_at("2.safetensors", "main")
    assert len(asked) == 1


def test_an_index_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The menu asks with every answer whether a network is there."""
    folder, reads = write_index(tmp_path / "it", 2), []
    read = reading.read_json
    monkeypatch.setattr(reading, "read_json", lambda *a, **k: reads.append(1) or read(*a, **k))
    assert [list_weights(folder) for _ in range(3)] == [[], [], []]
    for number in range(2):
        (folder / f"{number}.safetensors").touch()
    assert [len(list_weights(folder)) for _ in range(3)] == [2, 2, 2]
    assert len(reads) == 1
    edit_index(folder, lambda index: index["weight_map"].popitem())
    assert len(list_weights(folder)) == 1


NATIVE = (  # timm's names, and OpenCLIP's own
    (r"patch_embed\.proj\.", "conv1."),
    (r"norm_pre\.", "ln_pre."),
    (r"^norm\.", "ln_post."),
    (r"blocks\.(\d+)\.norm(\d)\.", r"transformer.resblocks.\1.ln_\2."),
    (r"blocks\.(\d+)\.ls(\d)\.", r"transformer.resblocks.\1.ls_\2."),
    (r"blocks\.(\d+)\.attn\.qkv\.", r"transformer.resblocks.\1.attn.in_proj_"),
    (r"blocks\.(\d+)\.attn\.proj\.", r"transformer.resblocks.\1.attn.out_proj."),
    (r"blocks\.(\d+)\.mlp\.fc1\.", r"transformer.resblocks.\1.mlp.c_fc."),
    (r"blocks\.(\d+)\.mlp\.fc2\.", r"transformer.resblocks.\1.mlp.c_proj."),
)
TEXTS = {"logit_scale": torch.ones(()), "text_projection": torch.ones(4, 4), "ln_final.weight": torch.ones(4)}


def spell_native(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    found = dict(tensors)
    found["class_embedding"] = found.pop("cls_token")[0, 0]
    found["positional_embedding"] = found.pop("pos_embed")[0]
    found["proj"] = found.pop("head.weight").T.contiguous()
    del found["head.bias"]
    for ours, theirs in NATIVE:
        found = {re.sub(ours, theirs, key): value for key, value in found.items()}
    return {f"visual.{key}": value for key, value in found.items()} | TEXTS


def spell_trunk(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"visual.trunk.{key}": value for key, value in tensors.items()} | TEXTS


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize(
    ("architecture", "spell"),
    [
        ("vit_base_patch32_clip_quickgelu_224", spell_native),
        ("vit_base_patch16_siglip_224", spell_trunk),
    ],
)
@torch.no_grad()
def test_openclips_file_is_what_timm_reads_in_it(
    tmp_path: Path, architecture: str, spell: Callable[..., dict[str, Tensor]], prefix: str
) -> None:
    small: dict[str, Any] = {"embed_dim": 48, "depth": 2, "num_heads": 3, "img_size": 64}
    source = scatter(timm.create_model(architecture, **small))
    save_for_hf(source, str(tmp_path), safe_serialization=True)
    (tmp_path / "model.safetensors").unlink()
    tensors = spell(source.state_dict())
    save_file(
        {prefix + key: value.contiguous() for key, value in tensors.items()},
        tmp_path / "open_clip_model.safetensors",
    )
    theirs: Any = timm.create_model(architecture, **small).eval()
    theirs.load_state_dict(checkpoint_filter_fn(tensors, theirs))
    probe = make_probe(64)
    wanted = theirs.forward_head(theirs.forward_features(probe), pre_logits=True)
    assert wanted.std() > 0.05
    torch.testing.assert_close(load_model(str(tmp_path)).model(probe), wanted, rtol=0, atol=1e-4)
