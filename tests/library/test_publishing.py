"""A network goes to the Hub and to timm, and computes the same there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from huggingface_hub import ModelCard
from torch import Tensor

import vitdemo
from tests.models.nets import VARIANTS, make_small
from tests.train.conftest import hub  # noqa: F401 - a fixture
from tests.train.uploads import Uploads
from tests.weights.hub import COMMIT, make_probe
from vitdemo.config import DataConfig
from vitdemo.weights import WeightsError, load_model, save_model

NAMES = ("square", "non-square", "distilled", "registers", "layer scale")
NAMES += ("mean", "mean, norm first", "mean, no class token")
NETS = {**{name: VARIANTS[name] for name in NAMES}, "grey": {"in_chans": 1}}


def write(folder: Path, **changes: Any) -> vitdemo.Network:
    """Write a network of our own to `folder` and load it."""
    model = make_small(**changes)
    channels = model.config.in_chans
    data = DataConfig("", model.config.img_size, (0.4,) * channels, (0.3,) * channels, crop_pct=0.9)
    save_model(folder, model=model, name="mine", data=data, classes=("a", "b", "c", "d", "e"))
    return vitdemo.load(folder, device="cpu")


def ask_timm(folder: Path, pixels: Tensor) -> Tensor:
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    with torch.no_grad():
        return model(pixels)[0]


@pytest.mark.parametrize("name", NETS)
def test_timm_computes_the_same(name: str, tmp_path: Path) -> None:
    network = write(tmp_path / "mine", **NETS[name])
    network.save_timm(tmp_path / "timm")
    config = network.model.config
    height, width = config.img_size if isinstance(config.img_size, tuple) else (config.img_size,) * 2
    pixels = torch.randn(1, config.in_chans, height, width)
    logits = network.record(pixels).logits
    torch.testing.assert_close(ask_timm(tmp_path / "timm", pixels), logits, atol=1e-5, rtol=1e-5)
    again = load_model(str(tmp_path / "timm"))
    torch.testing.assert_close(again.model(pixels)[0], logits, atol=1e-5, rtol=1e-5)
    assert again.classes == network.classes
    for part in ("mean", "std", "crop_pct", "img_size", "interpolation", "crop_mode"):
        assert getattr(again.spec.data, part) == getattr(network.loaded.spec.data, part), part


def test_what_a_link_leads_to_does_not_go_along(tmp_path: Path) -> None:
    network = write(tmp_path / "mine")
    (tmp_path / "secret").write_text("of this machine")
    (tmp_path / "mine" / "card.png").write_bytes(b"PNG")
    (tmp_path / "mine" / "notes.png").symlink_to(tmp_path / "secret")
    network.save_pretrained(tmp_path / "sent")
    sent = {path.name for path in (tmp_path / "sent").iterdir()}
    assert {"card.png", "model.safetensors"} < sent
    assert "notes.png" not in sent


def test_the_bundled_network_for_photographs_loads_in_timm(tmp_path: Path) -> None:
    network = vitdemo.load("dynamicvit_photo", device="cpu")
    network.save_timm(tmp_path)
    pixels = torch.randn(1, 3, 224, 224)
    torch.testing.assert_close(
        ask_timm(tmp_path, pixels), network.record(pixels).logits, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"attention": "linear"}, "attention linear cannot be written for timm, only softmax"),
        ({"global_pool": "token_avg"}, "global_pool token_avg cannot be written for timm, only token or avg"),
        ({"norm_eps": 1e-5}, "norm_eps 1e-05 cannot be written for timm, only 1e-06"),
        ({"pre_norm": True}, "pre_norm True cannot be written"),
    ],
)
def test_what_timm_has_not_is_named(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=words):
        write(tmp_path / "mine", **changes).save_timm(tmp_path / "timm")
    assert not (tmp_path / "timm").exists()


def test_a_network_goes_to_the_hub_and_comes_back(hub: Uploads, tmp_path: Path) -> None:  # noqa: F811
    network = write(tmp_path / "mine")
    network.push_to_hub("me/new")
    pixels = make_probe(16)[:1]
    for found in (vitdemo.Network.from_pretrained("me/new", device="cpu"), vitdemo.load("hf-hub:me/new")):
        torch.testing.assert_close(found.record(pixels).logits, network.record(pixels).logits)
        assert found.classes == network.classes
        assert found.loaded.origin.source == f"hf-hub:me/new@{COMMIT}"
    card: Any = ModelCard.load(hub.root / "me" / "new" / "README.md")
    assert card.data.library_name == "vitdemo"
    assert card.data.pipeline_tag == "image-classification"
    assert 'vitdemo.load("hf-hub:' in card.text


def test_what_lies_beside_the_weights_goes_with_them(tmp_path: Path) -> None:
    network = write(tmp_path / "mine")
    (tmp_path / "mine" / "README.md").write_text("---\nlicense: apache-2.0\n---\n# my own card\n")
    (tmp_path / "mine" / "metrics.json").write_text('{"accuracy": 87.5}')
    network.save_pretrained(tmp_path / "out")
    for name in ("README.md", "metrics.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "mine" / name).read_bytes()
    again = vitdemo.Network.from_pretrained(str(tmp_path / "out"), device="cpu")
    torch.testing.assert_close(
        again.record(make_probe(16)[:1]).logits, network.record(make_probe(16)[:1]).logits
    )
    with pytest.raises(ValueError, match="token is not followed here; HF_TOKEN"):
        vitdemo.Network.from_pretrained(str(tmp_path / "out"), token="secret")
