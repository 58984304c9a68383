"""Classes with the same probability: every part of the page takes them in the same order."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engine.bundle import draw_picture
from tests.models.nets import make_small_dynamic
from vitdemo.datasets import CIFAR10_CLASSES
from vitdemo.engine import Engine, Look, Request, Result
from vitdemo.engine.answers.sweep import choose_classes
from vitdemo.registry import MODELS
from vitdemo.weights import save_model

KEY = "dynamicvit_cifar10"
SATURATED = [3.0, 400.0, -300.0, 100.0, -100.0, 0.0, 50.0, 200.0, -200.0, 1.0]  # softmax: one 1, nine 0


def open_result(folder: Path, bias: list[float]) -> Result:
    """Return what a network says of a picture that answers `bias` to everything."""
    net = make_small_dynamic(img_size=32, patch_size=8, num_classes=10)
    net.head.load_state_dict({"weight": torch.zeros(10, 24), "bias": torch.tensor(bias)})
    save_model(folder / KEY, model=net, name=KEY, data=MODELS[KEY].data, classes=CIFAR10_CLASSES)
    return Engine(device="cpu", models_dir=folder).open(Request(draw_picture(), KEY, 0.3))


@pytest.mark.parametrize(
    ("bias", "order"),
    [([0.0] * 10, list(range(10))), (SATURATED, [1, 7, 3, 6, 0, 9, 5, 4, 8, 2])],
    ids=["equal", "saturated"],
)
def test_the_order_is_that_of_the_logits_and_then_of_the_classes(
    tmp_path: Path, bias: list[float], order: list[int]
) -> None:
    result = open_result(tmp_path, bias)
    analysis = result.analysis
    wanted = [CIFAR10_CLASSES[index] for index in order]

    def names(top: tuple[tuple[str, float], ...]) -> list[str]:
        return [label for label, _ in top]

    assert analysis.pruned is not None
    assert names(analysis.dense.top) == names(analysis.pruned.top) == wanted[:5]
    assert result.classes()[0].label == wanted[0]
    assert result.lab.smallest_set().answer == wanted[0]
    assert names(result.lab.operate(keep=[0]).after) == wanted[:5]
    assert names(result.lab.adaptive(1.0).adaptive.top) == wanted[:5]
    record = result.export(Look())
    assert [row["class"] for row in record.facts["dense"]["probabilities"]] == wanted


def test_the_sweep_shows_the_first_of_equal_classes() -> None:
    assert choose_classes({"learned": torch.full((10, 1, 10), 0.1)}) == [0, 1, 2]
