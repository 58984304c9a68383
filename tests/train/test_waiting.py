"""What a CUDA graph records must not wait for the device: run on tensors without values.

torch raises where one is asked for (`item`, `nonzero`, a mask that chooses rows, `if tensor`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from train.batches import Batch, Batches
from train.config import TrainConfig
from train.data import Resident, statistics
from train.network import build_network
from train.objective import Objective, choose_loss
from train.recipe import load_recipe
from train.run import Run
from vitdemo.config import ViTConfig
from vitdemo.datasets import DATASETS
from vitdemo.models import VisionTransformer

PICTURES, BATCH = 24, 8
PLAIN = ["distil.teacher=", "init_from=", "log=none", "compile=false", "cuda_graph=false", "max_steps=10"]
SMALL = ["model.embed_dim=32", "model.depth=4", "model.num_heads=2", f"batch_size={BATCH}", "device=cpu"]


@pytest.fixture(autouse=True)
def valueless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tensors have a shape and a device, which need not exist; torch's first weights look at values."""
    monkeypatch.setattr(nn.init, "trunc_normal_", lambda tensor, **_: tensor)
    monkeypatch.setattr(nn.Module, "to", lambda module, *_, **__: module)  # all networks here are on the CPU
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield


def load_config(recipe: str, *words: str) -> TrainConfig:
    stages = ["model.prune.prune_loc=[1, 2, 3]"] if "dynamicvit" in recipe else []
    return load_recipe(recipe, [*PLAIN, *SMALL, *stages, "precision=bf16", *words])


def make_split(config: TrainConfig, device: str) -> Resident:
    data = replace(DATASETS["cifar10"].data, img_size=config.model.img_size)
    labels = torch.zeros(PICTURES, dtype=torch.long, device=device)
    pixels = torch.zeros(PICTURES, 3, 32, 32, dtype=torch.uint8, device=device)
    mean, std = statistics(data, torch.device(device))
    return Resident(labels=labels, mean=mean, std=std, data=data, pixels=pixels)


@pytest.mark.parametrize(
    "words",
    [
        ["augment.auto_augment=randaugment"],
        ["augment.auto_augment=trivialaugment", "augment.rotate=15"],
        ["augment.crop_scale=[0.3, 1.0]", "augment.erase_prob=0.5"],
    ],
)
def test_pictures_are_changed_without_waiting(words: list[str]) -> None:
    config = load_config("gpu_cifar10_vit", *words)
    changed = Batches(config, make_split(config, "cuda"), None).change(
        {"rows": torch.arange(BATCH, device="cuda")}
    )
    assert changed["x"].shape == (BATCH, 3, 32, 32)
    assert changed["x"].device.type == changed["mirrored"].device.type == "cuda"


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        ("gpu_cifar10_vit", []),
        ("gpu_cifar10_vit", ["optim.optimizer=sgd", "augment.token_keep=[[1.0, 0.5]]"]),
        ("gpu_cifar10_lightvit", []),
        ("gpu_cifar10_dynamicvit", []),
        ("gpu_cifar10_dynamicvit_official", []),
    ],
)
def test_a_step_is_taken_without_waiting(recipe: str, words: list[str]) -> None:
    config = load_config(recipe, *words)
    run = Run(config, splits=dict.fromkeys(("train", "val", "test"), make_split(config, "cpu")))
    if config.objective != "classify":
        assert isinstance(config.model, ViTConfig)
        dense = build_network(replace(config.model, prune=None))
        assert isinstance(dense, VisionTransformer)
        run.learner.objective = Objective(run.learner.model, choose_loss(config, dense))
    run.learner.model.train()
    batch = Batch(torch.zeros(BATCH, 3, 32, 32), torch.zeros(BATCH, 10))
    first, second = run.learner.learn([batch], 0.5), run.learner.learn([batch], 0.5)
    assert list(first) == list(second)


def test_a_question_is_noticed() -> None:
    with pytest.raises(DataDependentOutputException):
        bool(torch.zeros(3).any())
