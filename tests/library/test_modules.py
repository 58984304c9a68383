"""Modules of timm and transformers: the same logits, or a sentence that names what cannot be followed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import nn
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil, ViTModel

import vitdemo
from tests.engine.bundle import draw_picture
from tests.models.nets import shake
from vitdemo.weights import WeightsError

TINY = {"img_size": (32, 64), "patch_size": 16, "depth": 2, "num_classes": 7}
NETS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("vit_tiny_patch16_224", {}),
    "mean": ("vit_tiny_patch16_224", {"global_pool": "avg", "class_token": False}),
    "distilled": ("deit_tiny_distilled_patch16_224", {}),
}
SMALL = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 96}
SMALL |= {"image_size": 32, "patch_size": 8, "num_labels": 4}


def make_transformers(kind: Any = ViTForImageClassification, **changes: Any) -> Any:
    return shake(kind(ViTConfig(**{**SMALL, **changes})))


@pytest.mark.parametrize("name", NETS)
def test_a_module_of_timm_is_followed(name: str) -> None:
    architecture, changes = NETS[name]
    module = shake(timm.create_model(architecture, **{**TINY, **changes}))
    pixels = torch.randn(1, 3, 32, 64)
    trace = vitdemo.record(module.train(), pixels)
    assert module.training, "it is left as it was"
    assert trace.logits is not None
    with torch.no_grad():
        torch.testing.assert_close(trace.logits, module.eval()(pixels)[0], atol=1e-4, rtol=1e-4)
    assert (trace.model, trace.grid) == (architecture, (2, 4))


def test_a_module_of_transformers_is_followed_with_its_words_and_its_pixels() -> None:
    module = make_transformers(id2label=dict(enumerate("abcd")), label2id={})
    mean, std = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
    processor = ViTImageProcessorPil(size={"height": 32, "width": 32}, image_mean=mean, image_std=std)
    network = vitdemo.load(module, processor=processor, device="cpu")
    assert network.classes == ("a", "b", "c", "d")
    image = draw_picture(1)
    with torch.no_grad():
        logits = module(**processor(image, return_tensors="pt")).logits[0]
    found = [network.explain(image, class_name=name).probability for name in network.classes]
    assert found == pytest.approx(logits.softmax(0).tolist(), abs=1e-4)


def test_weights_are_those_of_the_moment() -> None:
    module, pixels = make_transformers(), torch.randn(1, 3, 32, 32)
    network = vitdemo.load(module, device="cpu")
    before = network.record(pixels).logits
    with torch.no_grad():
        module.classifier.bias.add_(1)
    assert before is not None
    torch.testing.assert_close(network.record(pixels).logits, before)
    torch.testing.assert_close(vitdemo.record(module, pixels).logits, before + 1)


def test_a_backbone_has_maps_and_no_words() -> None:
    network = vitdemo.load(make_transformers(ViTModel, add_pooling_layer=False), device="cpu")
    found = network.explain(draw_picture(2))
    assert (network.classes, found.label, found.probability) == ((), "", None)
    assert found.method == "attention-rollout"
    assert np.isfinite(found.array).all()
    assert repr(found) == "<Explanation by attention-rollout>"


def make_odd() -> Any:
    """Return a network whose weights are those of a ViT, but which does something else with them."""
    module: Any = timm.create_model("vit_tiny_patch16_224", **TINY)
    module.blocks.register_forward_hook(lambda module, args, out: -out)
    return shake(module)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Linear(3, 3), "Linear is no network of timm or transformers"),
        (
            lambda: timm.create_model("resnet10t"),
            "of ResNet: architecture 'resnet10t' is not known",
        ),
        (
            lambda: make_transformers(hidden_act="relu"),
            "of ViT.*: hidden_act 'relu' is not known",
        ),
        (make_odd, "This VisionTransformer computes something else"),
        (lambda: timm.models.VisionTransformer(depth=1), "timm cannot write this VisionTransformer"),
    ],
)
def test_what_cannot_be_followed_is_named(make: Any, words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        vitdemo.load(make())
