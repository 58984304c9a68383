"""Runs whose weights are to be alike, however their batches are cut or computed."""

from __future__ import annotations

import torch

from train.recipe import load_recipe
from train.run import Run

# SGD answers a rounding error with a rounding error (Adam and Muon scale it up), and without clipping a wrong
# length of the gradient shows.
ALIKE = ["optim.optimizer=sgd", "optim.lr=0.05", "optim.clip=1000.0", "optim.ema=0.5", "epochs=2"]
ALIKE += ["augment.cutmix_from=0.0", "augment.token_keep=[(1.0, 1.0)]"]


def train_weights(words: list[str], steps: int = 4) -> dict[str, torch.Tensor]:
    run = Run(load_recipe("cifar10_vit", [*words, "max_steps=8"]))
    run.learner.model.train()
    for number in range(steps):
        run.train_step(torch.arange(40) + number * 40)
        run.step += 1
    return run.learner.averaged.state_dict()


def measure_distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max((one[key] - other[key]).abs().max().item() for key in one)
