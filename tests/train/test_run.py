"""Runs from end to end on a tiny data set: they learn, stop, resume, export, and say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from train.__main__ import main as train
from train.data import epoch_order
from train.evaluate import main as evaluate
from train.evaluate import measure_accuracy
from train.fit import fit
from train.recipe import load_recipe
from train.report import CONTROLS
from train.resume import resume_run, save_run
from train.run import Run
from vitdemo.cost import macs
from vitdemo.data import preprocess
from vitdemo.datasets import load_cifar10
from vitdemo.models.selectors import SELECTORS
from vitdemo.weights import load_model


def test_the_recipe_learns_and_leaves_a_complete_checkpoint(dense: Path) -> None:
    metrics = json.loads((dense / "metrics.json").read_text())
    assert metrics["accuracy"] > 60  # chance is 10
    assert sum(map(sum, metrics["confusion"])) == metrics["n"] == 100
    hits = sum(metrics["confusion"][i][i] for i in range(10))
    assert metrics["accuracy"] == pytest.approx(hits)
    for key in ("seed", "command", "hardware", "seconds", "versions", "recipe", "git_revision", "per_class"):
        assert metrics[key] not in ("", None, {}), key
    card = (dense / "README.md").read_text()
    assert f"{metrics['accuracy']:.2f} %" in card
    assert {path.name for path in dense.iterdir()} >= {"config.json", "model.safetensors"}


def test_evaluate_prints_the_accuracy_of_the_shipped_path(
    dense: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against one picture at a time through the upload's own preprocessing."""
    evaluate([str(dense), "--data", str(data), "--json"])
    printed = json.loads(capsys.readouterr().out)
    loaded, images = load_model(str(dense)), load_cifar10(data, "test")
    from PIL import Image

    hits = 0
    for pixels, label in zip(images.pixels, images.labels, strict=True):
        picture = Image.fromarray(pixels.transpose(1, 2, 0))
        x = preprocess(picture, config=loaded.spec.data).pixels
        hits += int(loaded.model(x).argmax()) == label
    assert printed["accuracy"] == pytest.approx(hits)
    assert (printed["n"], printed["keep_ratio"]) == (100, 1.0)


def test_evaluate_prunes_with_each_selector(
    dense: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = []
    free = [name for name in SELECTORS if name != "learned"]
    for selector in free:
        words = ["--keep-ratio", "0.5", "--selector", selector, "--limit", "50", "--json"]
        evaluate([str(dense), "--data", str(data), *words])
        rows.append(json.loads(capsys.readouterr().out))
    assert [row["selector"] for row in rows] == free
    assert all(row["n"] == 50 for row in rows)
    merged = ["--keep-ratio", "0.5", "--reduction", "tome", "--limit", "50", "--json"]
    evaluate([str(dense), "--data", str(data), *merged])
    row = json.loads(capsys.readouterr().out)
    config = load_model(str(dense)).spec.config
    assert row["macs"] == macs(config, keep_ratio=0.5, reduction="tome")
    with pytest.raises(SystemExit, match="learned"):
        evaluate([str(dense), "--data", str(data), "--keep-ratio", "0.5", "--selector", "learned"])


@pytest.mark.parametrize("recipe", ["cifar10_dynamicvit", "cifar10_lightvit"])
def test_the_other_networks_start_from_the_dense_one(recipe: str, dense: Path, tiny: list[str]) -> None:
    words = [f"init_from={dense}", "max_steps=12", "epochs=2", "optim.ema=0.5", *tiny]
    if recipe == "cifar10_dynamicvit":
        words += ["model.prune={'prune_loc': [1, 2, 3]}", "prune.sweep=[1, 0.7]"]
    train(["--recipe", recipe, *words])
    config = load_recipe(recipe, words)
    metrics = json.loads((config.export_dir / "metrics.json").read_text())
    assert metrics["accuracy"] > 40
    if recipe == "cifar10_dynamicvit":
        judged = [(row["keep_ratio"], row["selector"]) for row in metrics["sweep"]]
        assert judged == [(1.0, "learned"), *((0.7, name) for name in ("learned", *CONTROLS))]


def train_weights(words: list[str], *, stop_at: int | None = None) -> dict[str, torch.Tensor]:
    run = Run(load_recipe("cifar10_vit", words))
    order = epoch_order(len(run.splits["train"]), seed=0, epoch=0)
    for number in range(6):
        if number == stop_at:
            save_run(run)
            run = Run(load_recipe("cifar10_vit", words))
            resume_run(run)
        run.train_step(order[number * 40 % 200 : number * 40 % 200 + 40])
        run.step += 1
    return run.learner.averaged.state_dict()


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tiny: list[str]) -> None:
    words = [*tiny, "max_steps=6", "model.drop_path_rate=0.1", "augment.cutmix_from=0.0"]
    whole, resumed = train_weights(words), train_weights(words, stop_at=3)
    for key, value in whole.items():
        assert torch.equal(value, resumed[key]), key


def test_a_run_is_validated_and_saved_as_often_as_the_recipe_says(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(load_recipe("cifar10_vit", [*tiny, "max_steps=10", "batch_size=100", "val_every=2"]))
    saved: list[int] = []
    monkeypatch.setattr("train.fit.save_run", lambda run: saved.append(run.step))
    assert run.steps_per_epoch == 2
    fit(run)
    assert [row["epoch"] for row in run.history if "val" in row] == [2, 4, 5]
    assert [row["epoch"] for row in run.history] == [1, 2, 3, 4, 5]
    assert saved == [4, 8, 10]


def test_a_short_run_exports_what_it_learned(tiny: list[str]) -> None:
    """With the recipe's own moving average; the noise is two standard errors of the 200 held-out pictures."""
    run = Run(load_recipe("cifar10_vit", [*tiny, "max_steps=66", "epochs=14", "val_every=14", "log=none"]))
    assert run.config.optim.ema == 0.999
    fit(run)
    networks = (run.learner.model, run.learner.averaged)
    last, exported = (measure_accuracy(network, run.splits["val"]) for network in networks)
    assert last > 70
    assert exported > last - 5


def train_steps(words: list[str]) -> list[float]:
    run = Run(load_recipe("cifar10_vit", [*words, "max_steps=12", "epochs=3"]))
    rows, losses = torch.arange(40), []
    for _ in range(12):
        losses.append(run.train_step(rows)["cross_entropy"].item())
        run.step += 1
    weights = run.learner.averaged.state_dict().values()
    assert all(value.dtype == torch.float32 for value in weights if value.is_floating_point())
    return losses


def test_low_precision_learns_as_full_precision_does(tiny: list[str]) -> None:
    full = train_steps([*tiny, "precision=fp32"])
    assert full[-1] < full[0] - 0.05
    for precision in ("bf16", "fp16"):
        assert train_steps([*tiny, f"precision={precision}"]) == pytest.approx(full, abs=0.02)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["init_from=nowhere"], "nowhere"),
        (["data.dataset=imagenet"], "imagenet"),
        (["data.folder=empty"], "data_batch_1 is missing"),
        (["model.num_heads=3"], "num_heads"),
    ],
)
def test_a_bad_option_is_named_in_one_line(words: list[str], message: str, tiny: list[str]) -> None:
    with pytest.raises(SystemExit, match=message):
        train(["--recipe", "cifar10_vit", *tiny, *words])
