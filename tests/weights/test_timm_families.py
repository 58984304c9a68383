"""One member of each family of timm's networks, from the file to the logits, and the table of them all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.data import create_transform, resolve_model_data_config
from timm.models import save_for_hf

from tests.weights.photographs import list_photographs
from tests.weights.samples import scatter
from tools import families, timm_networks
from vitdemo.data import preprocess
from vitdemo.markdown import read_block
from vitdemo.weights import load_model
from vitdemo.weights import timm as ours
from vitdemo.weights.formats import describe
from vitdemo.weights.timm_export import save_timm

ROOT = Path(__file__).parents[2]
SMALL: dict[str, Any] = {"embed_dim": 48, "depth": 2, "num_heads": 3}
MEMBERS = {
    "AugReg": "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
    "21k head": "vit_small_patch32_224.augreg_in21k",
    "MAE": "vit_base_patch16_224.mae",
    "DINO": "vit_small_patch8_224.dino",
    "DeiT, distilled": "deit_tiny_distilled_patch16_224.fb_in1k",
    "DeiT III": "deit3_small_patch16_224.fb_in1k",
    "DINOv2": "vit_small_patch14_dinov2.lvd142m",
    "DINOv2, SwiGLU, registers": "vit_giant_patch14_reg4_dinov2.lvd142m",
    "I-JEPA": "vit_huge_patch14_gap_224.in1k_ijepa",
    "FlexiViT": "flexivit_small.1200ep_in1k",
    "EVA": "eva_large_patch14_196.in22k_ft_in1k",
    "registers, mean": "vit_medium_patch16_reg4_gap_256.sbb_in1k",
    "registers, no bias": "vit_so150m2_patch16_reg1_gap_256.sbb_e200_in12k_ft_in1k",
    "CLIP, fine-tuned": "vit_base_patch32_clip_224.laion2b_ft_in12k_in1k",
    "CLIP, quick GELU": "vit_base_patch16_clip_quickgelu_224.openai",
    "SigLIP": "vit_base_patch16_siglip_224.webli",
    "SigLIP 2, tanh": "vit_so400m_patch16_siglip_256.v2_webli",
    "SigLIP, pixels beyond the patches": "vit_so400m_patch14_siglip_384.webli",
    "SigLIP, mean": "vit_base_patch16_siglip_gap_224.v2_webli",
    "AIMv2": "aimv2_large_patch14_224.apple_pt",
    "BEiT-3": "beit3_base_patch16_224.in22k_ft_in1k",
    "RADIO": "vit_base_patch16_radio_v3.c_radio",
    "EVA, rotary, SwiGLU": "eva02_tiny_patch14_336.mim_in22k_ft_in1k",
    "EVA, rotary, norms in SwiGLU": "eva02_base_patch14_448.mim_in22k_ft_in22k_in1k",
    "EVA-CLIP": "eva02_base_patch16_clip_224.merged2b",
    "EVA, large": "eva_giant_patch14_224.clip_ft_in1k",
    "rotary, registers, mean": "vit_medium_patch16_rope_reg1_gap_256.sbb_in1k",
    "rotary, columns first": "vit_small_patch16_rope_ape_224.naver_in1k",
    "PE, rows from 1": "vit_pe_spatial_tiny_patch16_512.fb",
    "DINOv3": "vit_small_patch16_dinov3.lvd1689m",
    "DINOv3, biases, SwiGLU": "vit_small_plus_patch16_dinov3_qkvb.lvd1689m",
    "LingBot": "vit_base_patch16_lingbot.robbyant",
}
same_timm = pytest.mark.skipif(
    timm.__version__ != ours.read_networks()["timm"], reason="the table is of another version of timm"
)


@pytest.mark.parametrize("family", MEMBERS)
@torch.no_grad()
def test_a_member_gives_timms_logits_of_photographs(tmp_path: Path, family: str) -> None:
    """Saved by timm with random weights, read back by timm and by us; a backbone's features are compared."""
    entry = MEMBERS[family]
    patch = ours.read_networks()["networks"][entry.partition(".")[0]].get("patch_size", 16)
    head: dict[str, Any] = {"num_classes": 7} if timm.get_pretrained_cfg_value(entry, "num_classes") else {}
    spare = 6 if "beyond" in family else 0
    size = (4 * patch + spare, 5 * patch)
    built = timm.create_model(entry, img_size=size, **SMALL, **head)
    save_for_hf(scatter(built), str(tmp_path), safe_serialization=True)
    theirs = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    transform: Any = create_transform(**resolve_model_data_config(theirs) | {"input_size": (3, *size)})
    loaded = load_model(str(tmp_path))
    for photograph in list_photographs():
        wanted = theirs(transform(photograph.convert("RGB"))[None])
        pixels = preprocess(photograph.convert("RGB"), config=loaded.spec.data).pixels
        assert (loaded.model(pixels) - wanted).abs().max() < 1e-3
        assert wanted.std() > 0.05
    assert len(loaded.classes) == built.num_classes


@torch.no_grad()
def test_pixels_beyond_the_patches_go_back_to_timm(tmp_path: Path) -> None:
    entry = "vit_so400m_patch14_siglip_gap_384.webli"
    built = scatter(timm.create_model(entry, img_size=(62, 70), num_classes=7, **SMALL))
    save_for_hf(built, str(tmp_path / "theirs"), safe_serialization=True)
    loaded = load_model(str(tmp_path / "theirs"))
    save_timm(tmp_path / "back", loaded)
    assert (loaded.spec.data.crop_size, loaded.spec.data.img_size) == ((62, 70), (56, 70))
    assert load_model(str(tmp_path / "back")).spec.data == loaded.spec.data
    back = timm.create_model(f"local-dir:{tmp_path / 'back'}", pretrained=True).eval()
    x = torch.randn(1, 3, 62, 70)
    torch.testing.assert_close(back(x), loaded.model(x[:, :, :56]), atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_projection_of_clip_is_no_list_of_classes(tmp_path: Path) -> None:
    """Its 512 outputs are a place among texts: a backbone, whose features are those before them."""
    entry = MEMBERS["CLIP, quick GELU"]
    built = scatter(timm.create_model(entry, img_size=64, **SMALL))
    save_for_hf(built, str(tmp_path), safe_serialization=True)
    loaded = load_model(str(tmp_path))
    assert (built.num_classes, loaded.model.config.num_classes, loaded.classes) == (512, 0, ())
    x = torch.randn(2, 3, 64, 64)
    wanted = built.forward_head(built.forward_features(x), pre_logits=True)
    torch.testing.assert_close(loaded.model(x), wanted, atol=1e-4, rtol=0)
    names = [f"bird {index}" for index in range(512)]
    described = describe(families.config_of(entry) | {"label_names": names}, {})
    assert described.classes == tuple(names), "unless it has names of its own"


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        ("vit_base_patch16_rpn_224", "it has blocks that normalise after each branch"),
        ("vit_dwee_patch16_reg1_gap_256", "it has differential attention"),
        ("beitv2_base_patch16_224", "it has relative position biases"),
        ("eva02_enormous_patch14_clip_224", "it has blocks that normalise after each branch"),
        ("vit_base_patch16_sapiens2", "it has LayerScale in one of the two branches"),
        ("vit_pe_core_tiny_patch16_384", "it has attention pooling with heads of its own"),
        ("vit_small_patch16_rope_mixed_224", "it has rotary positions with learned speeds"),
        ("naflexvit_base_patch16_siglip", "it has a size that changes with the picture"),
        ("resnet50", "is not known"),
    ],
)
def test_another_network_is_refused_with_the_reason(architecture: str, words: str) -> None:
    with pytest.raises(ValueError, match=f"architecture '{architecture}' .*{words}"):
        describe({"architecture": architecture, "num_classes": 3, "pretrained_cfg": {}}, {})


def test_older_spellings_of_a_config() -> None:
    """A tag in the name, a name that timm has given up, and all keys beside each other."""
    plain = {"architecture": "vit_tiny_patch16_224", "num_classes": 3, "pretrained_cfg": {"mean": [0.1] * 3}}
    wanted = describe(plain, {})
    assert describe(plain | {"architecture": "vit_tiny_patch16_224.augreg_in21k"}, {}) == wanted
    assert describe(plain | {"architecture": "vit_tiny_patch16_224_in21k"}, {}) == wanted
    assert (
        describe({"architecture": "vit_tiny_patch16_224", "num_classes": 3, "mean": [0.1] * 3}, {}) == wanted
    )


@same_timm
def test_the_table_of_networks_is_timms() -> None:
    written = (ROOT / "vitdemo/weights/timm_networks.json").read_text(encoding="utf-8")
    assert timm_networks.format_networks(timm_networks.read_networks()) == written


@same_timm
def test_the_page_tells_of_each_entry_whether_it_loads() -> None:
    page = read_block(ROOT / "docs/families.md", name="families")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")][1:]
    told = {f"{row[0]}.{tag}": row[2] for row in rows for tag in row[1].split(", ")}
    entries = [
        entry for name in timm_networks.list_architectures() for entry in timm_networks.entries_of(name)
    ]
    assert sorted(told) == sorted(entries)
    for entry in entries:
        expected = "loads, agrees"
        try:
            describe(families.config_of(entry), {})
        except ValueError as error:
            expected = str(error).rpartition(": ")[2]
        assert told[entry] == expected, entry
    assert sum(said == "loads, agrees" for said in told.values()) > 320
