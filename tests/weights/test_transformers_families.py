"""One member of each family of transformers, from the file to the logits, against the library's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.weights.photographs import list_photographs
from tests.weights.samples import scatter, transformers
from vitdemo.data import preprocess
from vitdemo.weights import load_model
from vitdemo.weights.formats import describe
from vitdemo.weights.processors import EXACT

SIZES = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 80,
    "image_size": 32,
    "patch_size": 8,
}
NAMES = {"id2label": {0: "ant", 1: "bee", 2: "cat"}}
TEXTS = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
    "vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
SQUASH = ("ViT", {"size": {"height": 32, "width": 32}})
CROP = ("Bit", {"size": {"shortest_edge": 37}, "crop_size": {"height": 32, "width": 32}})
DINOV3 = ("DINOv3ViT", SQUASH[1])
CLIP = ("CLIP", {"size": {"shortest_edge": 32}, "crop_size": 32})
# The model's class, its config's class, what that gets besides, and the processor.
MEMBERS: dict[str, tuple[str, str, dict[str, Any], tuple[str, dict[str, Any]]]] = {
    "vit": ("ViTForImageClassification", "ViTConfig", NAMES, SQUASH),
    "vit, no head": ("ViTModel", "ViTConfig", {"hidden_act": "gelu_new"}, SQUASH),
    "deit": ("DeiTForImageClassification", "DeiTConfig", NAMES, ("DeiT", {"size": 36, "crop_size": 32})),
    "deit, teacher": ("DeiTForImageClassificationWithTeacher", "DeiTConfig", NAMES, SQUASH),
    "deit, no head": ("DeiTModel", "DeiTConfig", {}, SQUASH),
    "dinov2": ("Dinov2ForImageClassification", "Dinov2Config", NAMES, CROP),
    "dinov2, resampled": ("Dinov2Model", "Dinov2Config", {"image_size": 56}, CROP),
    "dinov2, SwiGLU": ("Dinov2Model", "Dinov2Config", {"use_swiglu_ffn": True}, CROP),
    "dinov2, registers": (
        "Dinov2WithRegistersForImageClassification", "Dinov2WithRegistersConfig", NAMES, CROP,
    ),
    "dinov2, registers, resampled": (
        "Dinov2WithRegistersModel", "Dinov2WithRegistersConfig", {"image_size": 56}, CROP,
    ),
    "dinov3": ("DINOv3ViTModel", "DINOv3ViTConfig", {"num_register_tokens": 2}, DINOV3),
    "dinov3, another size": ("DINOv3ViTModel", "DINOv3ViTConfig", {"image_size": 56}, DINOV3),
    "dinov3, SwiGLU, biases": (
        "DINOv3ViTModel", "DINOv3ViTConfig",
        {"use_gated_mlp": True, "hidden_act": "silu", "key_bias": True}, DINOV3,
    ),
    "vit_mae": ("ViTMAEModel", "ViTMAEConfig", {"mask_ratio": 0.0}, SQUASH),
    "vit_msn": ("ViTMSNForImageClassification", "ViTMSNConfig", NAMES, SQUASH),
    "vit_msn, no head": ("ViTMSNModel", "ViTMSNConfig", {}, SQUASH),
    "ijepa": ("IJepaForImageClassification", "IJepaConfig", NAMES, SQUASH),
    "clip, tower": ("CLIPVisionModel", "CLIPVisionConfig", {}, CLIP),
    "clip, projection": ("CLIPVisionModelWithProjection", "CLIPVisionConfig", {}, SQUASH),
    "clip": ("CLIPModel", "CLIPConfig", {}, CLIP),
    "clip, head": ("CLIPForImageClassification", "CLIPConfig", NAMES, CLIP),
    "siglip, tower": ("SiglipVisionModel", "SiglipVisionConfig", {}, ("Siglip", SQUASH[1])),
    "siglip": ("SiglipModel", "SiglipConfig", {}, ("Siglip", SQUASH[1])),
    "siglip, pixels left over": ("SiglipVisionModel", "SiglipVisionConfig", {"patch_size": 7}, SQUASH),
    "siglip, head": ("SiglipForImageClassification", "SiglipConfig", NAMES, ("Siglip", SQUASH[1])),
}  # fmt: skip


def build_member(name: str) -> Any:
    """Return the library's small network with random weights."""
    model, config, more, _ = MEMBERS[name]
    family = config.removesuffix("Config")
    if family in ("CLIP", "Siglip"):
        more = more | {"vision_config": SIZES, "text_config": TEXTS}
    else:
        more = SIZES | more
    return scatter(getattr(transformers, model)(getattr(transformers, config)(**more)))


def has_head(theirs: Any) -> bool:
    return "ImageClassification" in type(theirs).__name__


def read_output(theirs: Any, pixels: torch.Tensor) -> torch.Tensor:
    """Return the logits; of a backbone what its tower pools, or its class token."""
    if has_head(theirs):
        return theirs(pixels).logits
    out = getattr(theirs, "vision_model", theirs)(pixels)
    tower = type(theirs).__name__.startswith(("CLIP", "Siglip"))  # the others' pooler is BERT's dense layer
    return out.pooler_output if tower else out.last_hidden_state[:, 0]


@pytest.mark.parametrize("hub_names", [True, False])
@pytest.mark.parametrize("name", MEMBERS)
@torch.no_grad()
def test_a_member_gives_the_librarys_logits_of_photographs(
    tmp_path: Path, name: str, hub_names: bool
) -> None:
    theirs, (kind, flags) = build_member(name), MEMBERS[name][3]
    theirs.save_pretrained(tmp_path, save_original_format=hub_names)
    processor = getattr(transformers, f"{kind}ImageProcessor{'' if kind in EXACT else 'Pil'}")(**flags)
    processor.save_pretrained(tmp_path)
    loaded = load_model(str(tmp_path))
    assert loaded.classes == (("ant", "bee", "cat") if has_head(theirs) else ())
    for photograph in list_photographs():
        wanted = read_output(theirs, processor(photograph.convert("RGB"), return_tensors="pt").pixel_values)
        pixels = preprocess(photograph.convert("RGB"), config=loaded.spec.data).pixels
        assert (loaded.model(pixels) - wanted).abs().max() < 1e-3
        assert wanted.std() > 0.02
    assert loaded.model.config.num_classes == len(loaded.classes)


@pytest.mark.parametrize(
    ("model_type", "reason"),
    [
        ("beit", "relative position biases"),
        ("siglip2", "a size that changes with the picture"),
        ("swin", "attention in shifted windows"),
    ],
)
def test_another_network_is_refused_with_the_reason(model_type: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"model_type '{model_type}' is not followed: it has {reason}"):
        describe({"model_type": model_type}, {})


@pytest.mark.parametrize("name", MEMBERS)
def test_what_a_config_leaves_out_is_the_librarys_own_default(name: str) -> None:
    """As in google/siglip-base-patch16-224, whose vision_config says nothing but its type."""
    model, config, _, _ = MEMBERS[name]
    full = json.loads(getattr(transformers, config)().to_json_string(use_diff=False))
    short = {"model_type": full["model_type"]} | ({"vision_config": {}} if "vision_config" in full else {})
    named = {"architectures": [model]}
    assert describe(short | named, {}) == describe(full | named, {})
