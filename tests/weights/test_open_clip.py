"""Repositories with open_clip_config.json alone: their tower for pictures is what timm makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.models.vision_transformer import checkpoint_filter_fn
from torch import Tensor
from torchvision import transforms as tv

from tests.weights.hub import make_probe
from tests.weights.samples import scatter
from tests.weights.test_pixels import compare
from tests.weights.test_shards import TEXTS, spell_native, spell_trunk
from vitdemo.weights import WeightsError, load_model
from vitdemo.weights.formats import describe

SMALL = {"layers": 2, "width": 48, "head_width": 16, "patch_size": 32, "image_size": 64}
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def make_config(
    vision: dict[str, Any], pictures: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Return what OpenCLIP writes into open_clip_config.json."""
    texts = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    model = {"embed_dim": 40, "vision_cfg": vision, "text_cfg": texts, **more}
    return {"model_cfg": model, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3} | (pictures or {})}


def write(folder: Path, config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    save_file(
        {key: tensor.contiguous() for key, tensor in tensors.items()}, folder / "open_clip_model.safetensors"
    )


def check(folder: Path, theirs: Any, size: int) -> None:
    """The network in `folder` has no words, and the features of timm's."""
    loaded, probe = load_model(str(folder)), make_probe(size)
    with torch.no_grad():
        wanted = theirs.forward_head(theirs.forward_features(probe), pre_logits=True)
        ours = loaded.model(probe)
    assert loaded.classes == ()
    assert wanted.std() > 0.05
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("quick", "init_values"), [(True, None), (False, 0.3)])
def test_a_tower_of_its_own(tmp_path: Path, quick: bool, init_values: float | None) -> None:
    name = f"vit_base_patch32_clip_{'quickgelu_' if quick else ''}224"
    args: dict[str, Any] = {"embed_dim": 48, "depth": 2, "num_heads": 3, "img_size": 64}
    theirs = scatter(timm.create_model(name, init_values=init_values, num_classes=40, **args))
    tensors = spell_native(theirs.state_dict())
    vision = SMALL | ({"ls_init_value": init_values} if init_values else {"patch_dropout": 0.5})
    write(tmp_path, make_config(vision, quick_gelu=quick), tensors)
    if init_values is None:  # timm reads OpenCLIP's file, but no such scales in it
        theirs.load_state_dict(checkpoint_filter_fn(tensors, theirs))
    check(tmp_path, theirs, 64)


@pytest.mark.parametrize(
    ("name", "pool", "projected"),
    [
        ("vit_tiny_patch16_224", "token", 0),
        ("eva02_tiny_patch14_224", "", 40),
        ("vit_tiny_patch16_224", "", 40),
    ],
)
def test_a_tower_of_timm(tmp_path: Path, name: str, pool: str, projected: int) -> None:
    """What leads into the space of texts is the network's own head, or comes after it."""
    theirs = scatter(timm.create_model(name, num_classes=projected))
    after = {} if projected else {"visual.head.proj.weight": torch.ones(40, theirs.num_features)}
    size = theirs.default_cfg["input_size"][-1]
    vision = {"timm_model_name": name, "timm_pool": pool, "image_size": size, "timm_drop_path": 0.1}
    vision["timm_proj"] = None if projected else "linear"
    write(tmp_path, make_config(vision), {**spell_trunk(theirs.state_dict()), **after, **TEXTS})
    check(tmp_path, theirs, size)


@pytest.mark.parametrize("vision", [SMALL, {"timm_model_name": "vit_tiny_patch16_224", "timm_pool": ""}])
def test_its_pixels(vision: dict[str, Any]) -> None:
    """Those of the steps that OpenCLIP takes from torchvision."""
    vision = {**vision, "image_size": 64 if vision is SMALL else 224}
    side = vision["image_size"]
    for mode, size in (("shortest", side), ("squash", (side, side))):
        for interpolation in (tv.InterpolationMode.BICUBIC, tv.InterpolationMode.BILINEAR):
            told = {"resize_mode": mode, "interpolation": interpolation.value}
            last = [tv.ToTensor(), tv.Normalize((0.5,) * 3, (0.5,) * 3)]
            theirs = tv.Compose([tv.Resize(size, interpolation), tv.CenterCrop(side), *last])
            compare(
                describe(make_config(vision, told), {}).data, lambda image, theirs=theirs: theirs(image)[None]
            )
    data = describe({"model_cfg": {"vision_cfg": vision}}, {}).data
    assert (data.mean, data.std, data.interpolation, data.crop_mode) == (MEAN, STD, "bicubic", "center")


TRUNK = {"timm_model_name": "vit_tiny_patch16_224", "timm_pool": "token", "image_size": 224}


@pytest.mark.parametrize(
    ("vision", "pictures", "said"),
    [
        ({**SMALL, "layers": [3, 4, 6, 3]}, {}, "vision_cfg.layers must be a whole number"),
        ({**SMALL, "width": "wide"}, {}, "width must be a whole number, got 'wide'"),
        ({**SMALL, "no_ln_pre": True}, {}, "vision_cfg.no_ln_pre True is not followed"),
        ({**SMALL, "pool_type": "avg"}, {}, "vision_cfg.pool_type 'avg' is not followed"),
        ({**SMALL, "attentional_pool": True}, {}, "vision_cfg.attentional_pool True is not followed"),
        ({**SMALL, "norm_kwargs": {"eps": 1e-6}}, {}, "vision_cfg.norm_kwargs {'eps': 1e-06} is not"),
        ({**TRUNK, "timm_pool": "map"}, {}, "vision_cfg.timm_pool 'map' is not followed"),
        ({**TRUNK, "timm_model_name": "convnext_base"}, {}, "architecture 'convnext_base' is not known"),
        (TRUNK, {"resize_mode": "longest"}, "preprocess_cfg.resize_mode 'longest' is not followed"),
    ],
)
def test_what_is_not_followed_is_named(
    tmp_path: Path, vision: dict[str, Any], pictures: dict[str, Any], said: str
) -> None:
    write(tmp_path, make_config(vision, pictures), {})
    with pytest.raises(WeightsError) as error:
        load_model(str(tmp_path))
    assert str(error.value).startswith(f"open_clip_config.json of {tmp_path}: {said}")


def test_a_config_json_beside_it_counts(tmp_path: Path) -> None:
    theirs = scatter(timm.create_model("vit_tiny_patch16_224", num_classes=3))
    write(tmp_path, make_config({**TRUNK, "timm_pool": "map"}), spell_trunk(theirs.state_dict()))
    config = {"architecture": "vit_tiny_patch16_224", "num_classes": 3, "label_names": ["a", "b", "c"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded, probe = load_model(str(tmp_path)), make_probe(224)
    assert loaded.classes == ("a", "b", "c")
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(probe), theirs(probe), rtol=0, atol=1e-4)
