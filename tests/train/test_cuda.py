"""What only a GPU can show; skipped where there is none. `pytest --noconftest tests/train/test_cuda.py`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from train.config import TrainConfig
from train.data import Resident
from train.network import build_network
from train.objective import Objective, choose_loss
from train.recipe import load_recipe
from train.run import Run
from vitdemo.config import ViTConfig
from vitdemo.datasets import DATASETS, Images
from vitdemo.models import VisionTransformer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

PICTURES, BATCH = 256, 32
ALONE = ("distil.teacher=", "init_from=", "log=none")
SMALL = ("embed_dim=64", "depth=4", "num_heads=2")


def load_config(recipe: str, *words: str) -> TrainConfig:
    network = [f"model.{word}" for word in SMALL]
    if "dynamicvit" in recipe:
        network.append("model.prune.prune_loc=[1, 2, 3]")
    fixed = [*ALONE, "max_steps=40", f"batch_size={BATCH}", "compile=false"]
    return load_recipe(recipe, [*fixed, *network, *words])


def run_of(config: TrainConfig) -> Run:
    """Return a run on noise, which a small random network teaches where the objective asks for one."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (PICTURES, 3, 32, 32), dtype=np.uint8)
    images = Images(pixels, random.integers(0, 10, PICTURES))
    split = Resident.of(images, data=DATASETS["cifar10"].data, device=torch.device("cuda"))
    run = Run(config, splits={"train": split, "val": split, "test": split})
    if config.objective != "classify":
        assert isinstance(config.model, ViTConfig)
        dense = build_network(replace(config.model, prune=None))
        assert isinstance(dense, VisionTransformer)
        loss = choose_loss(config, dense.to("cuda").eval())
        run.learner.objective = Objective(run.learner.model, loss)
    run.learner.model.train()
    return run


def run_steps(run: Run, count: int) -> list[float]:
    """Return the losses of `count` steps."""
    losses = []
    for _ in range(count):
        rows = torch.arange(BATCH, device="cuda") + BATCH * (run.step % (PICTURES // BATCH))
        seen = run.train_step(rows)
        losses.append(sum(value.item() for key, value in seen.items() if key != "accuracy"))
        run.step += 1
    return losses


@pytest.mark.parametrize(
    ("recipe", "importance"),
    [
        ("gpu_cifar10_vit", "attention"),
        ("gpu_cifar10_lightvit", "attention"),
        ("gpu_cifar10_dynamicvit", "attention"),
        ("gpu_cifar10_dynamicvit", "gradient"),
        ("gpu_cifar10_resnet", "attention"),
    ],
)
def test_captured_steps_are_the_ordinary_ones(recipe: str, importance: str) -> None:
    """The same pictures, draws and weights, in fp32, with drop path and with keep ratios that change."""
    words = ["precision=fp32", f"prune.importance={importance}"]
    if recipe == "gpu_cifar10_resnet":
        config = load_recipe(recipe, ["batch_size=32", "max_steps=40", "log=none", *words])
    else:
        words += ["prune.keep_ratio_levels=2"] if "dynamicvit" in recipe else ["model.drop_path_rate=0.2"]
        config = load_config(recipe, *words)
    torch.backends.cudnn.deterministic = True
    captured, ordinary = run_of(config), run_of(replace(config, cuda_graph=False))
    assert captured.learner.graphs
    assert not ordinary.learner.graphs
    found = [run_steps(run, 12) for run in (captured, ordinary)]
    assert captured.learner.graphs.graphs
    np.testing.assert_allclose(found[0], found[1], rtol=2e-3)
    averages = [run.learner.update.ema for run in (captured, ordinary)]
    assert [int(average.updates) for average in averages] == [12, 12]
    torch.testing.assert_close(averages[0].state_dict(), averages[1].state_dict(), rtol=0.0, atol=2e-3)


def test_a_captured_step_that_is_broken_changes_nothing() -> None:
    run = run_of(load_config("gpu_cifar10_vit", "precision=fp32"))
    run_steps(run, 8)
    before = {key: value.clone() for key, value in run.learner.model.state_dict().items()}
    averages = {key: value.clone() for key, value in run.learner.update.ema.state_dict().items()}
    mean = run.splits["train"].mean
    kept = mean.clone()
    mean.fill_(torch.nan)
    run_steps(run, 2)
    assert run.skipped == 2
    torch.testing.assert_close(run.learner.model.state_dict(), before, rtol=0, atol=0)
    torch.testing.assert_close(run.learner.update.ema.state_dict(), averages, rtol=0, atol=0)
    mean.copy_(kept)
    run_steps(run, 2)
    assert run.skipped == 2
    assert not torch.equal(
        run.learner.model.state_dict()["blocks.0.mlp.fc1.weight"], before["blocks.0.mlp.fc1.weight"]
    )


@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp32"])
def test_every_precision_learns_the_same_on_a_gpu(precision: str) -> None:
    """Ten steps' losses against fp32's, within what sixteen bits allow."""
    words = ["cuda_graph=false", "augment.mixup_prob=0", "augment.cutmix_prob=0"]
    wanted = run_steps(run_of(load_config("gpu_cifar10_vit", "precision=fp32", *words)), 10)
    found = run_steps(run_of(load_config("gpu_cifar10_vit", f"precision={precision}", *words)), 10)
    np.testing.assert_allclose(found, wanted, rtol=0.03)
