"""Every value of a recipe has a range, and what lies outside is refused by name before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from train.__main__ import main as train
from train.config import TrainConfig, list_settings
from train.ranges import RANGES
from train.recipe import load_recipe
from vitdemo.config import ViTConfig


def test_every_number_of_a_run_has_a_range() -> None:
    """And every list of them; what is left are choices, switches, and texts that are looked up."""
    found = list_settings(TrainConfig("x", ViTConfig())).items()
    keys = {key for key, value in found if not isinstance(value, bool) and not key.startswith("model.")}
    choices = {"network", "objective", "precision", "log", "optim.optimizer", "optim.schedule"}
    choices |= {"augment.auto_augment", "prune.importance"}
    texts = {"runs", "out", "init_from", "data.dataset", "data.folder", "distil.teacher"}
    assert keys - choices - texts - {"optim.frozen", "optim.fresh"} == RANGES.keys()


BAD = {
    "": [
        "epochs=0", "epochs=-3", "batch_size=-1", "batch_size=0", "accumulate=0", "max_steps=-1",
        "val_every=0", "seed=-1", "seed=2**40", "seed=4294967296", "objective=elastic",
        "device=tpu", "device=cuda:",
        "name=", "name=..", "name=a/b", "name=/tmp/x", "name=.",
    ],
    "data.": ["workers=-1", "workers=1000000"],
    "augment.": [
        "label_smoothing=1.5", "crop_pad=-1", "crop_pad=32", "cutmix_prob=1.1", "cutmix_from=2",
        "cutmix_alpha=0", "mixup_prob=-1", "mixup_prob=0.8", "mixup_alpha=-1", "mix_until=7",
        "crop_scale=[0.5, 2.0]", "crop_scale=[0.9, 0.1]", "crop_scale=0.5", "crop_ratio=[0, 1]",
        "crop_ratio=[2, 1]", "rotate=-5", "randaugment_ops=-1", "randaugment_magnitude=31", "erase_prob=2",
        "erase_scale=[0.2]", "token_keep=3", "token_keep=[[0.5]]", "token_keep=[0.5, 0.5]",
        "token_keep=[[1.0, 0.0]]",
    ],
    "optim.": [
        "lr=0", "lr=-1e-3", "lr=1e999", "muon_lr=0", "backbone_lr_scale=-1", "betas=[0.9, 1.0]",
        "betas=[0.9]", "betas=0.9", "betas=['a', 'b']", "momentum=1", "momentum=0", "weight_decay=-1",
        "warmup=1", "warmup=-0.1", "clip=0", "ema=1", "ema=-0.5", "freeze_backbone=1.5", "frozen=head.bias",
        "frozen=[1]",
    ],
    "distil.": ["label_weight=-1", "weight=-1", "temperature=0"],
    "prune.": [
        "score_weight=-1", "score_noise=-1", "keep_ratio_range=[0, 1]", "keep_ratio_range=[0.9, 0.2]",
        "keep_ratio_levels=-1", "dense_share=2", "ratio_weight=-1", "token_weight=-1",
        "sweep=[0.7]", "sweep=[]", "sweep=[1, 0.5, 0.5]", "sweep=[1, 0.5, 0]", "sweep=0.7", "sweep=[1, 'a']",
    ],
}  # fmt: skip
BAD_WORDS = [group + word for group, words in BAD.items() for word in words]


@pytest.mark.parametrize("word", BAD_WORDS)
def test_a_value_that_cannot_be_meant_is_refused_by_name(word: str, tmp_path: Path) -> None:
    key = word.partition("=")[0]
    with pytest.raises(SystemExit, match=rf"^error: .*\b{re.escape(key)}\b") as caught:
        train(["--recipe", "cifar10_vit", f"runs={tmp_path}", "data.folder=nowhere", word])
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "word", ["objective=official", "init_from=vit_cifar10", "augment.token_keep=[[1.0, 0.5]]"]
)
def test_a_teacher_takes_no_options_of_a_transformer(word: str) -> None:
    with pytest.raises(ValueError, match=word.partition("=")[0]):
        load_recipe("cifar10_resnet", [word])


def test_the_ends_of_a_range_are_in_it() -> None:
    words = [
        "seed=4294967295",
        "optim.warmup=0",
        "optim.ema=0",
        "augment.label_smoothing=1",
        "data.workers=0",
        "augment.crop_scale=[1.0, 1.0]",
    ]
    config = load_recipe(
        "cifar10_vit", [*words, "augment.crop_pad=31", "augment.rotate=180", "device=cuda:3", "name=a b.c"]
    )
    assert (config.seed, config.augment.crop_pad, config.name) == (2**32 - 1, 31, "a b.c")


def test_a_gpu_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^error: device: there is no cuda:99 here"):
        train(["--recipe", "cifar10_vit", f"runs={tmp_path}", "data.folder=nowhere", "device=cuda:99"])
