"""The teacher: a ResNet-9 by the same command, and what it says of a batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from train.__main__ import main as train
from train.recipe import load_recipe
from train.resnet import ResNet9, ResNetConfig
from train.run import Run
from train.teacher import load_teacher
from vitdemo.weights import load_model


@pytest.fixture(scope="module")
def taught(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides of a run whose teacher has just been trained."""
    folder = tmp_path_factory.mktemp("teacher")
    places = [
        f"data.folder={data}",
        f"runs={folder / 'runs'}",
        "device=cpu",
        "precision=fp32",
    ]
    words = ["max_steps=60", "batch_size=40", "optim.ema=0.5", "model.widths=[8, 16, 16, 32]"]
    train(["--recipe", "cifar10_resnet", *places, *words])
    return [
        *places,
        "init_from=",
        "batch_size=40",
        "model.embed_dim=32",
        "model.depth=4",
        "model.num_heads=2",
    ]


def test_the_teacher_learns_and_stays_in_its_run(taught: list[str]) -> None:
    folder = load_recipe("cifar10_resnet", taught[:2]).run_dir
    _, facts = load_teacher(folder)
    assert facts["validation_accuracy"] > 60  # chance is 10
    assert not (folder / "export").exists()


def test_cached_answers_are_the_networks_own_for_picture_and_mirror_image(taught: list[str]) -> None:
    run = Run(load_recipe("cifar10_vit_taught", [*taught, "augment.crop_pad=0", "augment.cutmix_prob=0.0"]))
    network, _ = load_teacher(run.config.runs_dir / "cifar10_resnet")
    batch = run.batches.augment(torch.arange(64) * 2, done=0.5)
    assert batch.soft is not None
    torch.testing.assert_close(batch.soft, (network(batch.x) / 2.0).softmax(dim=-1), atol=1e-5, rtol=1e-4)


def test_a_live_teacher_sees_the_mixed_batch(taught: list[str]) -> None:
    run = Run(
        load_recipe(
            "cifar10_vit_taught",
            [*taught, "distil.teacher_cache=false", "augment.cutmix_prob=1.0", "augment.cutmix_from=0.0"],
        )
    )
    batch = run.batches.augment(torch.arange(64), done=0.5)
    network, _ = load_teacher(run.config.runs_dir / "cifar10_resnet")
    assert batch.soft is None
    assert run.learner.teacher is not None
    torch.testing.assert_close(run.learner.teacher.answer(batch.x), (network(batch.x) / 2.0).softmax(dim=-1))


def test_a_network_that_a_run_goes_on_from_teaches_as_a_named_one_does(tiny: list[str], dense: Path) -> None:
    words = [*tiny, f"init_from={dense}", "augment.crop_pad=0", "augment.cutmix_prob=0.0"]
    rows, network = torch.arange(40), load_model(str(dense)).model
    cached = Run(load_recipe("cifar10_lightvit", words))
    batch = cached.batches.augment(rows, done=0.5)
    wanted = (network(batch.x) / 2.0).softmax(dim=-1)
    assert batch.soft is not None
    torch.testing.assert_close(batch.soft, wanted, atol=1e-5, rtol=1e-4)
    live = Run(load_recipe("cifar10_lightvit", [*words, "distil.teacher_cache=false"]))
    assert live.learner.teacher is not None
    assert live.batches.augment(rows, done=0.5).soft is None
    torch.testing.assert_close(live.learner.teacher.answer(batch.x), wanted, atol=1e-5, rtol=1e-4)


def test_a_missing_teacher_is_named(taught: list[str]) -> None:
    with pytest.raises(ValueError, match=r"no teacher in .*nobody"):
        Run(load_recipe("cifar10_vit_taught", [*taught, "distil.teacher=nobody"]))


def test_the_full_teacher_has_the_parameters_counted_by_hand() -> None:
    convs = [(3, 64), (64, 128), *[(128, 128)] * 2, (128, 256), (256, 512), *[(512, 512)] * 2]
    wanted = sum(9 * a * b + 2 * b for a, b in convs) + 512 * 10
    model = ResNet9(ResNetConfig())
    assert sum(parameter.numel() for parameter in model.parameters()) == wanted == 6_573_120
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
