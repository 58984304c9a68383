"""Folders written by timm and by transformers give the logits that they give there."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file
from timm.data import resolve_model_data_config
from timm.models import save_for_hf

from tests.weights.hub import make_probe
from tests.weights.samples import compute_logits, scatter, transformers, write_transformers
from vitdemo.config import DataConfig
from vitdemo.weights import load_model

TIMM = {
    "deit_small_distilled_patch16_224": {"depth": 2, "img_size": (32, 64), "num_classes": 7},
    "vit_small_patch14_reg4_dinov2": {"depth": 2, "img_size": 56, "num_classes": 0},
    "deit3_small_patch16_224": {"depth": 2, "img_size": 32, "num_classes": 5},
    "vit_tiny_patch16_384": {"depth": 2, "img_size": 48, "num_classes": 4, "global_pool": "avg"},
}


@pytest.mark.parametrize("architecture", TIMM)
def test_timm_folders_give_timms_logits(tmp_path: Path, architecture: str) -> None:
    theirs = scatter(timm.create_model(architecture, **TIMM[architecture]))
    save_for_hf(theirs, str(tmp_path), safe_serialization=True)
    loaded = load_model(str(tmp_path))
    size = loaded.spec.config.img_size
    torch.testing.assert_close(
        loaded.model(make_probe(size)), compute_logits(theirs, size), rtol=0, atol=1e-4
    )
    wanted = resolve_model_data_config(theirs)
    data = loaded.spec.data
    assert (data.mean, data.std, data.crop_pct) == (wanted["mean"], wanted["std"], wanted["crop_pct"])
    assert data.interpolation == wanted["interpolation"]


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_16_bit_files_give_the_logits_of_their_numbers(tmp_path: Path, kind: torch.dtype) -> None:
    """As timm computes them in 32 bits from the same numbers; those before they were rounded differ."""
    theirs = scatter(timm.create_model("vit_tiny_patch16_224", depth=2, img_size=32, num_classes=5))
    before = compute_logits(theirs, 32)
    save_for_hf(theirs.to(kind), str(tmp_path), safe_serialization=True)
    assert load_file(tmp_path / "model.safetensors")["head.weight"].dtype == kind
    logits = load_model(str(tmp_path)).model(make_probe(32))
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, compute_logits(theirs.float(), 32), rtol=0, atol=1e-5)
    assert (logits - before).abs().max() > 1e-4


@pytest.mark.parametrize("head", [True, False])
def test_transformers_wrapper_of_a_timm_network(tmp_path: Path, head: bool) -> None:
    kind = "TimmWrapperForImageClassification" if head else "TimmWrapperModel"
    config = transformers.TimmWrapperConfig(
        architecture="vit_tiny_patch16_224",
        model_args={"depth": 2, "img_size": 32},
        id2label={0: "ant", 1: "bee", 2: "cat"},
        pretrained_cfg={"input_size": [3, 32, 32], "mean": [0.1] * 3, "std": [0.2] * 3, "crop_pct": 0.8},
    )
    theirs = scatter(getattr(transformers, kind)(config))
    theirs.save_pretrained(tmp_path)
    loaded = load_model(str(tmp_path))
    with torch.no_grad():
        out = theirs(make_probe(32))
    wanted = out.logits if head else out.pooler_output
    torch.testing.assert_close(loaded.model(make_probe(32)), wanted, rtol=0, atol=1e-4)
    assert loaded.classes == (("ant", "bee", "cat") if head else ())
    assert (loaded.spec.data.mean, loaded.spec.data.crop_pct) == ((0.1,) * 3, 0.8)


@pytest.mark.parametrize("hub_names", [True, False])
def test_transformers_folders_give_transformers_logits(tmp_path: Path, hub_names: bool) -> None:
    theirs = write_transformers(tmp_path, hub_names=hub_names)
    key = "vit.encoder.layer.0.attention.attention.query.weight"  # as in google/vit-base-patch16-224
    assert (key in load_file(tmp_path / "model.safetensors")) == hub_names
    loaded = load_model(str(tmp_path))
    torch.testing.assert_close(loaded.model(make_probe(32)), compute_logits(theirs, 32), rtol=0, atol=1e-4)
    assert loaded.classes == ("ant", "bee", "cat")
    wanted = DataConfig("", 32, (0.5,) * 3, (0.25,) * 3, "bicubic", 0.8, "squash", "transformers")
    assert loaded.spec.data == wanted
