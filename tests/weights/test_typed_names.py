"""What somebody types or pastes as the name of a network, and what it may have meant."""

from __future__ import annotations

import re

import pytest

from vitdemo.weights import WeightsError
from vitdemo.weights.names import read_name

TYPED = {
    "vit_tiny_patch16_224": "hf-hub:timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
    "timm/vit_tiny_patch16_224": "hf-hub:timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
    "hf_hub:timm/vit_tiny_patch16_224.augreg_in21k": "hf-hub:timm/vit_tiny_patch16_224.augreg_in21k",
    " me/mine@v1 ": "hf-hub:me/mine@v1",
    "hf-hub:me/mine@main": "hf-hub:me/mine",
    "https://huggingface.co/google/vit-base/tree/main": "hf-hub:google/vit-base",
    "http://hf.co/me/mine/blob/v2/config.json?download=true": "hf-hub:me/mine@v2",
    "huggingface.co/me/mine/": "hf-hub:me/mine",
    "vit_cifar10": "vit_cifar10",
}


@pytest.mark.parametrize("text", TYPED)
def test_what_is_typed_or_pasted_is_read(text: str) -> None:
    assert read_name(text, known=("vit_cifar10",)) == TYPED[text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is neither a repository of the Hub, owner/repo, nor a Vision Transformer of timm"),
        ("vit_tiny_patch16_244", "is not known; did you mean vit_tiny_patch16_224?"),
        ("timm/vit_tiny_patch16_244.a", "is not known; did you mean vit_tiny_patch16_224?"),
        ("vit_cifar", "'vit_cifar' is not known; did you mean vit_cifar10?"),
        ("resnet50", "'resnet50' is neither a repository"),
        ("vit_base_patch16_18x2_224", "cannot be shown: it has blocks with several branches side by side"),
        ("https://example.org/me/mine", "is neither a repository of the Hub"),
        ("http://huggingface.co@example.org/me/mine", "is neither a repository of the Hub"),
        ("a/b/c", "is neither a repository of the Hub"),
        ("me/mine@../../../etc/passwd", "is not of the form hf-hub:owner/repo"),
        ("me/mine@/etc/passwd", "is not of the form hf-hub:owner/repo"),
        ("me/..", "is not a valid name"),
        ("/etc", "This page opens no folders"),
        ("local-dir:.", "This page opens no folders"),
    ],
)
def test_what_is_typed_wrongly_is_told_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(WeightsError, match=re.escape(message)):
        read_name(text, known=("vit_cifar10",))
