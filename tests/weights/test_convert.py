"""Official checkpoints of DynamicViT as folders of ours: logits and kept patches, and what is refused."""

from __future__ import annotations

import errno
import os
import pickle
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.models.nets import shake
from tests.weights.official import STAGES, OfficialDynamicViT
from vitdemo.datasets import IMAGENET_MEAN, list_imagenet_classes
from vitdemo.models.pruning import FixedRatio, Pruning
from vitdemo.models.selectors import make_best
from vitdemo.trace import Recorder
from vitdemo.weights import load_model, store
from vitdemo.weights.__main__ import main

WRAPPED: dict[str, Callable[[dict[str, Tensor]], dict[str, Any]]] = {
    "bare": lambda state: state,
    "model": lambda state: {"model": state},
    "while training": lambda state: {
        "model": state,
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-3}]},
        "epoch": 29,
        "args": Namespace(base_rate=0.7, arch="deit_small"),
    },
    "state_dict, of several GPUs": lambda state: {
        "state_dict": {f"module.{name}": value for name, value in state.items()}
    },
}


def build_official(*, classes: int = 7) -> OfficialDynamicViT:
    torch.manual_seed(0)
    return shake(OfficialDynamicViT(width=128, classes=classes, side=7, patch=4))


def convert(checkpoint: Any, folder: Path) -> int:
    torch.save(checkpoint, folder / "dynamic-vit.pth")
    return main(["convert", str(folder / "dynamic-vit.pth"), str(folder / "out")])


@pytest.mark.parametrize("wrapping", WRAPPED)
@torch.no_grad()
def test_logits_and_kept_patches_are_the_official_ones(tmp_path: Path, wrapping: str) -> None:
    official = build_official()
    assert convert(WRAPPED[wrapping](official.state_dict()), tmp_path) == 0
    model = load_model(str(tmp_path / "out")).model
    pictures = torch.randn(2, 3, 28, 28)
    for keep_ratio in (1.0, 0.9, 0.7, 0.5, 0.3):
        for picture in pictures:
            wanted, kept = official(picture, keep_ratio)
            recorder = Recorder(attention=False)
            pruning = Pruning(make_best(model), FixedRatio(keep_ratio))
            logits = model(picture[None], pruning=pruning, recorder=recorder)[0]
            torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-5)
            found = [(recorder.token_ids[block][0, 1:] - 1).tolist() for block in STAGES]
            assert found == [sorted(left) for left in kept]
            assert wanted.std() > 0.1


@torch.no_grad()
def test_a_network_for_384_pixels_is_followed(tmp_path: Path) -> None:
    """Those that their authors trained at 384 px have 24 x 24 patches of 16."""
    torch.manual_seed(0)
    official = shake(OfficialDynamicViT(width=64, classes=5, side=24, patch=16))
    assert convert({"model": official.state_dict()}, tmp_path) == 0
    loaded = load_model(str(tmp_path / "out"))
    assert (loaded.spec.config.grid, loaded.spec.data.img_size) == ((24, 24), 384)
    picture, recorder = torch.randn(3, 384, 384), Recorder(attention=False)
    wanted, kept = official(picture, 0.7)
    pruning = Pruning(make_best(loaded.model), FixedRatio(0.7))
    logits = loaded.model(picture[None], pruning=pruning, recorder=recorder)[0]
    torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-5)
    assert [len(left) for left in kept] == [403, 282, 197]
    found = [(recorder.token_ids[block][0, 1:] - 1).tolist() for block in STAGES]
    assert found == [sorted(left) for left in kept]


def test_the_rest_of_the_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(build_official(classes=1000).half().state_dict(), tmp_path) == 0
    loaded = load_model(str(tmp_path / "out"))
    config, data = loaded.spec.config, loaded.spec.data
    assert config.prune is not None
    assert (config.prune.prune_loc, config.prune.keep_ratio) == (STAGES, 0.7)
    assert (config.img_size, config.patch_size, config.num_heads, config.mlp_ratio) == (28, 4, 2, 4.0)
    assert (data.mean, data.crop_pct, data.interpolation) == (IMAGENET_MEAN, 224 / 256, "bicubic")
    assert loaded.classes == list_imagenet_classes()
    assert str(tmp_path / "out") in capsys.readouterr().out


class Call:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


def change(**tensors: Tensor | None) -> dict[str, Tensor]:
    """Return an official checkpoint with `tensors` instead of its own, and without those that are None."""
    state = build_official().state_dict()
    state |= {name: value for name, value in tensors.items() if value is not None}
    return {name: value for name, value in state.items() if tensors.get(name, value) is not None}


def without(part: str) -> dict[str, Tensor]:
    return {name: value for name, value in build_official().state_dict().items() if part not in name}


WRONG: dict[str, tuple[Callable[[], Any], str]] = {
    "code": (
        lambda: {"model": Call()},
        "something else than tensors, which could be code, so it is not opened",
    ),
    "a list": (lambda: [1, 2], "holds no tensors by name"),
    "no tensors": (lambda: {"model": {"a": 1}}, "holds no tensors by name"),
    "a dense ViT": (
        lambda: without("score_predictor"),
        "there is no score_predictor, so it is no DynamicViT",
    ),
    "two stages": (lambda: without("score_predictor.2"), "it has 2 predictors, not one before each of"),
    "no positions": (lambda: change(pos_embed=None), "pos_embed is missing"),
    "odd positions": (
        lambda: change(pos_embed=torch.zeros(1, 51, 128)),
        "pos_embed has 50 patches, not a square",
    ),
    "a vector": (lambda: change(pos_embed=torch.zeros(50)), "pos_embed has 1 axes, not 3"),
    "another width": (
        lambda: change(**{"norm.weight": torch.zeros(9)}),
        "norm.weight has shape (9,), the model needs (128,)",
    ),
    "a tensor more": (lambda: change(neck=torch.zeros(1)), "neck is unknown"),
    "whole numbers": (lambda: change(cls_token=torch.zeros(1, 1, 128).char()), "cls_token holds int8"),
    "no width": (lambda: change(**{"head.weight": torch.zeros(7, 0)}), "head.weight is empty"),
    "sparse": (lambda: change(pos_embed=torch.zeros(1, 50, 128).to_sparse()), "pos_embed is sparse"),
    "no numbers": (
        lambda: change(cls_token=torch.empty(1, 1, 128, device="meta")),
        "cls_token is sparse, or has a shape and no numbers",
    ),
    "NaN": (
        lambda: change(cls_token=torch.full((1, 1, 128), torch.nan)),
        "cls_token has numbers that are not finite",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, words = WRONG[kind]
    assert convert(make(), tmp_path) == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.startswith("error: dynamic-vit.pth")
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["dynamic-vit.pth"]


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 no zip"])
def test_a_file_that_is_no_checkpoint_is_one_sentence(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.pth").write_bytes(content)
    assert main(["convert", str(tmp_path / "x.pth"), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "error: x.pth is no checkpoint of PyTorch, or is damaged\n"
    assert main(["convert", str(tmp_path / "y.pth"), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "error: y.pth cannot be read (No such file or directory)\n"


@pytest.mark.parametrize("content", [pickle.dumps(Call()), bytes(range(256)) * 9])
def test_a_plain_pickle_is_not_opened(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.pth").write_bytes(content)
    assert main(["convert", "x.pth", "out"]) == 2
    assert capfd.readouterr().err == (
        "error: x.pth holds something else than tensors, which could be code, so it is not opened\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]


def test_a_truncated_checkpoint_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(build_official().state_dict(), tmp_path / "x.pth")
    os.truncate(tmp_path / "x.pth", 100_000)
    assert main(["convert", str(tmp_path / "x.pth"), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "error: x.pth is no checkpoint of PyTorch, or is damaged\n"


def test_a_broken_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "save_file", full_disk)
    assert convert(build_official().state_dict(), tmp_path) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["dynamic-vit.pth"]


def test_what_is_there_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert convert(build_official().state_dict(), tmp_path) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'out'} is there already; name a new folder\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_link_to_nothing_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    assert convert(build_official().state_dict(), tmp_path) == 2
    assert "out is there already" in capsys.readouterr().err
    assert not (tmp_path / "elsewhere").exists()
